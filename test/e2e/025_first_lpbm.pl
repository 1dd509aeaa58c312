# Backups of the first LPBM are restored, and a server that ran its way moves over.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir      = PostgreSQL::Test::Utils::tempdir();
my $password = 'old secret';
my $script   = (grep { -e } map { "$_/Lpbm/first_backup.py" } @INC)[0];
mkdir "$dir/files";
Lpbm::Test::write_secret("$dir/password", $password);

sub first_backup
{
	my ($folder, @arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ '/usr/bin/python3', $script, $folder, $password, @arguments ], '>', \$out, '2>', \$err)
	  or die "first_backup.py: $err";
	return $out;
}

sub write_file
{
	my ($name, $text) = @_;
	open my $file, '>:raw', "$dir/$name" or die $!;
	print $file $text;
	close $file;
	return "$dir/$name";
}

# The old way: statements in the csvlog, fulls by pg_dump.
my $old = Lpbm::Test->bare('old', conf => <<'END');
logging_collector = on
log_destination = 'stderr,csvlog'
log_statement = mod
END
$old->sql("CREATE DATABASE $DATABASE", 'postgres');
my (@seen, $marks);

# What was logged since the last call. The collector keeps the order: what stands before a mark is there with it.
sub delta_of_log
{
	my $mark = 'CREATE TABLE mark_' . ++$marks . ' ();';
	$old->sql($mark, 'postgres');
	wait_for($mark, sub { index(first_backup($dir, 'statements', 'postgres', glob($old->data . '/log/*.csv')), $mark) >= 0 });
	my $sql  = first_backup("$dir/files", 'statements', $DATABASE, sort glob($old->data . '/log/*.csv'));
	my $new  = substr $sql, length($seen[-1] // '');
	push @seen, $sql;
	return write_file('delta.sql', $new);
}

sub full
{
	my ($format) = @_;
	my $out;
	IPC::Run::run([ 'pg_dump', $format, '-d', $old->conninfo ], '>', \$out) or die 'pg_dump';
	delta_of_log();
	return write_file('full', $out);
}

sub restore_first
{
	my ($target, @options) = @_;
	return run_lpbm('restore', '--store', "file:$dir/files", '--journal', "$dir/files/journal.txt", '--passphrase-file',
		"$dir/password", '--bindir', $ENV{LPBM_BINDIR}, '--target', $target->conninfo, @options);
}

my $clock = sub { my ($minute) = @_; return sprintf '2022-04-07T14:%02d:14.326+02:00', $minute };
$old->sql("CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'row ' || i || E';\\n\\\\.' FROM generate_series(1, 300) i");
first_backup("$dir/files", 'oldest', '2022-04-06-01-00-01', full('-Fp'));
$old->sql("INSERT INTO t (v) VALUES ('after the oldest; full')");
first_backup("$dir/files", 'add', 'delta', $clock->(1), delta_of_log());
my $at_two = $old->checksums;
first_backup("$dir/files", 'add', 'full', $clock->(2), full('-Fc'));
$old->sql("UPDATE t SET v = 'it''s ''; changed' WHERE id <= 10; -- a comment;\nDELETE FROM t WHERE id = 20");
first_backup("$dir/files", 'add', 'delta', $clock->(3), delta_of_log(), '--by-name');
$old->sql("CREATE TABLE other (k text PRIMARY KEY, j jsonb); INSERT INTO other VALUES ('\$1', '{\"a\": \":b\"}')");
first_backup("$dir/files", 'add', 'delta', $clock->(4), delta_of_log());

my ($status, $out, $err) = run_lpbm('list', '--journal', "$dir/files/journal.txt");
is($status, 0, 'the journal is listed');
like($out, qr/^ +3  full   2022-04-07T12:02:14.326Z  Qm\w{44} 2022-04-07T14:02:14.326\+02:00-full.sql.enc$/m, 'with its entries');
($status, $out, $err) = run_lpbm('verify', '--journal', "$dir/files/journal.txt", '--store', "file:$dir/files");
is($out, "5 entries, no problem\n", 'all files are there, and have their CIDs');

# The latest.
my $target = Lpbm::Test->bare('latest');
($status, $out, $err) = restore_first($target);
is($status, 0, 'restored') or diag($err);
like($out, qr/^restored: 3 entries, 4 statements after the full\nreached: entry 5 /, 'and told how far');
like($err, qr/nothing proves who wrote it/, 'with a word on what such a backup cannot prove');
unlike($out, qr/could not be verified/, 'each file has its CID');
same($old, $target, 'the same, for here the statements said everything');

# Up to an entry, from the oldest kind of full, which openssl encrypted.
$target = Lpbm::Test->bare('entry');
($status, $out, $err) = restore_first($target, '--entry', 2);
is($status, 0, 'restored up to an entry') or diag($err);
is_deeply($target->checksums, $at_two, 'which is what was there then');
$target->sql("DROP DATABASE $DATABASE", 'postgres');
($status, $out, $err) = restore_first($target, '--until', '2022-04-07 12:03:30Z', '--json');
is($status, 0, 'restored up to a time') or diag($err);
like($out, qr/"last": \{\s+"entry": 4,/, 'which is an entry before');

# An error in the middle.
my $middle = write_file('middle.sql', "INSERT INTO other VALUES ('good', '1');\n\nINSERT INTO other\nVALUES ('good', '2');\nCOPY other FROM stdin;\nINSERT INTO other VALUES ('also good', '3');\n");
first_backup("$dir/files", 'add', 'delta', $clock->(5), $middle);
my $later = write_file('later.sql', "INSERT INTO other VALUES ('later', '4');\n");
first_backup("$dir/files", 'add', 'delta', $clock->(6), $later);
$target = Lpbm::Test->bare('errors');
lpbm_fails([ 'restore', '--store', "file:$dir/files", '--journal', "$dir/files/journal.txt", '--passphrase-file', "$dir/password",
	'--target', $target->conninfo ], 1, qr/entry 6 .*, line 3: INSERT INTO other VALUES \('good', '2'\): .*duplicate key.*\n(.*\n)*hint: .*--keep-going/, 'it stops at the first error');
is($target->sql("SELECT count(*) FROM pg_database WHERE datconnlimit = 0", 'postgres'), '1', 'and leaves the mark');
$target->sql("DROP DATABASE $DATABASE", 'postgres');
($status, $out, $err) = restore_first($target, '--keep-going');
is($status, 1, 'with --keep-going it ends with 1');
is(scalar(() = $out =~ /^failed: entry 6 /mg), 2, 'with a list of what failed') or diag($out);
like($out, qr/line 5: COPY other FROM stdin: the rows of a COPY are not in the backup/, 'COPY among it');
is($target->sql('SELECT string_agg(k, \',\' ORDER BY j::text) FROM other WHERE k LIKE \'%o%\' OR k = \'later\''), 'good,also good,later', 'and everything else is there');

# What the source refused was logged, too; here a superuser would run it.
$old->sql('CREATE ROLE planter LOGIN; CREATE TABLE planted (v text); ALTER TABLE planted OWNER TO planter');
delta_of_log();
my ($ran, $as_planter) = ("$dir/ran", $old->conninfo . ' user=planter');
for my $planted ("COPY planted FROM PROGRAM 'touch $ran; echo x'", 'ALTER ROLE planter SUPERUSER', "INSERT INTO planted VALUES ('honest')")
{
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $as_planter, '-c', $planted ], '>', \my $ignored, '2>', \my $refused);
	like($refused, qr/permission denied|must be superuser/, 'the source refused it') if $planted !~ /honest/;
}
mkdir "$dir/planted";
{
	my $sql = "CREATE TABLE planted (v text);\n" . Lpbm::Test::slurp(delta_of_log());
	like($sql, qr/FROM PROGRAM.*ALTER ROLE planter SUPERUSER/s, 'but its log has it');
	my $plain;
	IPC::Run::run([ 'pg_dump', '-Fc', '-t', 't', '-d', $old->conninfo ], '>', \$plain) or die 'pg_dump';
	first_backup("$dir/planted", 'add', 'full', $clock->(7), write_file('full', $plain));
	first_backup("$dir/planted", 'add', 'delta', $clock->(8), write_file('planted.sql', $sql));
}
$target = Lpbm::Test->bare('planted');
$target->sql('CREATE ROLE planter LOGIN', 'postgres');
my @planted = ('restore', '--store', "file:$dir/planted", '--journal', "$dir/planted/journal.txt", '--passphrase-file', "$dir/password",
	'--bindir', $ENV{LPBM_BINDIR}, '--target', $target->conninfo);
lpbm_fails(\@planted, 1, qr/line 2: COPY planted FROM PROGRAM .*: not run, .*: it runs a program/, 'a planted program stops the restore');
$target->sql("DROP DATABASE $DATABASE", 'postgres');
($status, $out, $err) = run_lpbm(@planted, '--keep-going');
is($status, 1, 'with --keep-going it ends with 1') or diag($err);
like($out, qr/^failed: .*COPY planted FROM PROGRAM.*not run.*\nfailed: .*ALTER ROLE planter SUPERUSER.*not run/m, 'what was planted is named');
ok(!-e $ran, 'no program ran');
is($target->sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'planter'", 'postgres'), 'f', 'no superuser was made');
is($target->sql('SELECT v FROM planted'), 'honest', 'and what is the content of the database is there');
$old->sql('DROP TABLE planted; DROP ROLE planter');

# Damage.
lpbm_fails([ 'restore', '--store', "file:$dir/files", '--journal', "$dir/files/journal.txt", '--passphrase-file', $target->{passphrase_file},
	'--target', $target->conninfo('none') ], 1, qr/the passphrase is wrong, or the file is damaged or cut/, 'a wrong password is refused');
my $journal = Lpbm::Test::slurp("$dir/files/journal.txt");
(my $wrong = $journal) =~ s/-delta.sql.enc\n/-del\n/;
lpbm_fails([ 'list', '--journal', write_file('wrong', $wrong) ], 1, qr/line 2: .* is not a time with -full.sql.enc or -delta.sql.enc/, 'a line that is none is named');
my ($cid) = $journal =~ /^(Qm\w+) \S+-full.sql.enc$/m;
my $bytes = Lpbm::Test::slurp("$dir/files/$cid");
substr($bytes, -100, 1) ^= "\1";
write_file("files/$cid", $bytes);
($status, $out, $err) = run_lpbm('verify', '--journal', "$dir/files/journal.txt", '--store', "file:$dir/files");
is($status, 1, 'a damaged file is found by its CID');
like($out, qr/^entry 3 .*has not the CID/m, 'and named');
lpbm_fails([ 'restore', '--store', "file:$dir/files", '--journal', "$dir/files/journal.txt", '--passphrase-file', "$dir/password",
	'--target', $target->conninfo($DATABASE) ], 1, qr/the database is not empty/, 'nothing is restored over data');

# Moving over: the steps of docs/first-lpbm.md, on the server that ran the old way.
$old->configure($Lpbm::Test::PLUGIN_LINE . <<"END");
shared_preload_libraries = 'lpbm'
wal_level = logical
log_statement = none
lpbm.database = '$DATABASE'
lpbm.passphrase_file = '$dir/password'
lpbm.encryption = 'aes-256-cbc'
lpbm.compression = 'none'
lpbm.trigger_cron = '* * * * * *'
END
$old->restart;
$old->sql('CREATE EXTENSION lpbm');
$old->wait_for_first_full;
$old->sql("INSERT INTO t (v) SELECT md5(random()::text) FROM generate_series(1, 100); DO \$\$ BEGIN DELETE FROM t WHERE id > 350; END \$\$");
$old->backed_up_to_now;
$old->deltas_carried(100, 'deltas carry what a log of statements could not');
$target = Lpbm::Test->bare('moved');
($status, $out, $err) = run_lpbm('restore', '--store', 'file:' . $old->directory . '/store', '--journal',
	$old->directory . '/journal', '--passphrase-file', "$dir/password", '--bindir', $ENV{LPBM_BINDIR}, '--target', $target->conninfo);
is($status, 0, 'and are restored') or diag($err);
unlike($err . $out, qr/nothing proves/, 'passphrase and journal prove each other');
same($old, $target, 'the same');

# Other tools for the format read the new backups.
my ($full) = $old->entries('full');
my ($dump) = grep { $_->{name} eq 'dump' } @{ $full->{objects} };
is($dump->{codec}, 'aes-256-cbc', 'the journal says in which format an object is');
my ($file) = glob($old->directory . "/store/*/$dump->{cid}*");
like(first_backup($dir, 'decrypt', $file), qr/^PGDMP/, 'another implementation decrypts the dump');
($status, $out, $err) = run_lpbm('decrypt', '--passphrase-file', "$dir/password", $file);
like($out, qr/^PGDMP/, 'and so does lpbm decrypt');
like($err, qr/cannot prove/, 'which says what it cannot prove');

# Another passphrase in the file is noticed, before anything is encrypted with it.
Lpbm::Test::write_secret("$dir/password", 'another');
$old->sql("INSERT INTO t (v) VALUES ('later')");
wait_for('the wrong passphrase to be told', sub { $old->status('problem') =~ /passphrase does not open the journal/ });
like($old->status('problem'), qr/Bring back that passphrase/, 'a changed passphrase is told, with what to do');
Lpbm::Test::write_secret("$dir/password", $password);
$old->backed_up_to_now;
$target = Lpbm::Test->bare('again');
($status, $out, $err) = run_lpbm('restore', '--store', 'file:' . $old->directory . '/store', '--journal',
	$old->directory . '/journal', '--passphrase-file', "$dir/password", '--bindir', $ENV{LPBM_BINDIR}, '--target', $target->conninfo);
is($status, 0, 'brought back, the backup goes on') or diag($err);
same($old, $target, 'and is the same');

done_testing();
