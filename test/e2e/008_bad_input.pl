# Whatever is wrong with a backup or a command is refused, with the entry, the cause and an exit code; never half done.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Find;
use Lpbm::Test;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 1000) i');
$source->wait_for_first_full;
foreach my $round (1 .. 3)
{
	$source->sql("UPDATE t SET v = 'round $round' WHERE id = $round");
	$source->backed_up_to_now;
}
my $vault  = $source->vault;
my $target = Lpbm::Test->bare('target');
my $root   = PostgreSQL::Test::Utils::tempdir();
my $number = 0;
my @bindir = ('--bindir', $ENV{LPBM_BINDIR});

# A copy of the vault in which one thing may be broken.
sub copy_of
{
	my $dir = "$root/copy" . ++$number;
	PostgreSQL::Test::RecursiveCopy::copypath($vault->root, $dir);
	chmod 0600, "$dir/passphrase";
	return Lpbm::Vault->new($dir);
}

sub restore_fails
{
	my ($from, $code, $pattern, $name, @options) = @_;
	$number++;
	lpbm_fails([ 'restore', $from->arguments, '--target', $target->conninfo("db$number"), @bindir, @options ], $code, $pattern, $name);
	my $state = $target->sql("SELECT count(*) FROM pg_database WHERE datname = 'db$number' AND datconnlimit <> -2", 'postgres');
	if ($state eq '1')
	{
		isnt($target->sql("SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = 'db$number'", 'postgres'), '',
			"$name: what is left is marked as unfinished");
	}
	return;
}

sub spoil
{
	my ($path, $code) = @_;
	my $text = Lpbm::Test::slurp($path);
	local $_ = $text;
	$code->();
	open my $file, '>:raw', $path or die $!;
	print $file $_;
	close $file;
	return;
}

# Secrets.
my $wrong = "$root/wrong";
Lpbm::Test::write_secret($wrong, 'not the passphrase');
lpbm_fails([ 'restore', '--store', 'file:' . $vault->store, '--journal', $vault->journal, '--passphrase-file', $wrong,
	'--target', $target->conninfo('x1'), @bindir ], 1, qr/wrong passphrase/, 'wrong passphrase');
my (undef, $identity) = run_lpbm('keygen');
Lpbm::Test::write_secret("$root/identity", $identity);
lpbm_fails([ 'restore', '--store', 'file:' . $vault->store, '--journal', $vault->journal, '--identity', "$root/identity",
	'--target', $target->conninfo('x2'), @bindir ], 1, qr/no identity matched|identity/, 'wrong identity');
chmod 0644, $wrong;
lpbm_fails([ 'restore', '--store', 'file:' . $vault->store, '--journal', $vault->journal, '--passphrase-file', $wrong,
	'--target', $target->conninfo('x3'), @bindir ], 1, qr/permission|others/, 'passphrase file that others can read');
is($target->sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'x_'", 'postgres'), '0', 'nothing was created meanwhile');

# The store: each object missing, and each with one byte flipped, cut, and longer.
my @objects;
find(sub { push @objects, $File::Find::name if -f }, $vault->store);
cmp_ok(scalar(@objects), '>=', 7, 'there are objects in the store');
foreach my $object (@objects)
{
	my $relative = substr $object, length $vault->store;
	my $copy = copy_of();
	my ($cid) = $relative =~ m{([a-z0-9]{50,})};
	next if !$cid;
	unlink $copy->store . $relative;
	my ($status, $out) = run_lpbm('verify', $copy->arguments);
	is($status, 1, "verify: missing object $relative: exit code 1");
	like($out, qr/^entry \d+ .*$cid/m, "verify: missing object $relative: named") or diag($out);
	restore_fails($copy, 1, qr/entry \d+ .*not in the store/s, "restore: missing object $relative");
	$copy = copy_of();
	spoil($copy->store . $relative, sub { my $at = int(length($_) / 2); substr($_, $at, 1) = substr($_, $at, 1) ^ "\x01" });
	restore_fails($copy, 1, qr/entry \d+ /, "restore: flipped byte in $relative");
}
my ($some) = sort { -s $b <=> -s $a } @objects;
$some = substr $some, length $vault->store;
foreach my $case ([ 'cut', sub { chop } ], [ 'longer', sub { $_ .= 'x' } ], [ 'empty', sub { $_ = '' } ])
{
	my $copy = copy_of();
	spoil($copy->store . $some, $case->[1]);
	restore_fails($copy, 1, qr/entry \d+ /, "restore: object $case->[0]");
}

# The journal.
my @journal = (
	[ 'a line missing',       qr/journal.*line \d+/s, sub { my @l = split /^/; splice @l, 2, 1; $_ = join '', @l } ],
	[ 'a line twice',         qr/journal.*line \d+/s, sub { my @l = split /^/; splice @l, 2, 0, $l[2]; $_ = join '', @l } ],
	[ 'two lines swapped',    qr/journal.*line \d+/s, sub { my @l = split /^/; @l[ 2, 3 ] = @l[ 3, 2 ]; $_ = join '', @l } ],
	[ 'a changed time',       qr/journal.*line \d+/s, sub { s/"started":\s*"?20/"started":"19/ or s/"rows":(\d+)/"rows":1$1/ } ],
	[ 'a changed CID',        qr/journal.*line \d+/s, sub { s/\n(baf\w{10})(\w)/"\n$1" . ($2 eq 'a' ? 'b' : 'a')/e } ],
	[ 'a changed header',     qr/journal/,            sub { s/"site":"/"site":"x/ } ],
	[ 'no entries',           qr/journal.*full/s,     sub { s/\n.*//s; $_ .= "\n" } ],
	[ 'nothing',              qr/journal/,            sub { $_ = '' } ],
	[ 'something else',       qr/journal/,            sub { $_ = "hello\nworld\n" } ],
	[ 'a later version',      qr/version/,            sub { s/^lpbm-journal 1 /lpbm-journal 9 / } ],
);
foreach my $case (@journal)
{
	my ($name, $pattern, $code) = @$case;
	my $copy = copy_of();
	spoil($copy->journal, $code);
	restore_fails($copy, 1, $pattern, "journal: $name");
	my ($status) = run_lpbm('list', '--journal', $copy->journal);
	is($status, $name eq 'no entries' ? $status : 1, "list refuses it too: $name");
}
{
	# A journal that was torn, or has fewer last lines, is an earlier one.
	my $copy = copy_of();
	spoil($copy->journal, sub { substr($_, -40) = '' });
	my $torn = $copy->restore('torn');
	is($torn->sql("SELECT v FROM t WHERE id = 2"), 'round 2', 'a torn last line is left out');
	$torn->stop('immediate');
	# One of another site, with its own secret.
	my $other = Lpbm::Test->backed_up('other');
	$other->wait_for_first_full;
	$copy = copy_of();
	copy($other->directory . '/journal', $copy->journal);
	restore_fails($copy, 1, qr/entry \d+ .*not in the store/s, 'journal of another site');
	my ($key) = Lpbm::Test::slurp($vault->journal) =~ /"key":"([^"]+)"/;
	restore_fails($copy, 1, qr/signer|another|key/i, 'journal of another site, with --signer', '--signer', $key);
	# Lines of one journal under the header of the other.
	my ($header) = Lpbm::Test::slurp($other->directory . '/journal') =~ /^(.*)\n/;
	$copy = copy_of();
	spoil($copy->journal, sub { s/^.*\n/$header\n/ });
	restore_fails($copy, 1, qr/journal.*line \d+/s, 'header of another journal');
	$other->stop('immediate');
}

# Targets.
$target->sql('CREATE DATABASE full_one', 'postgres');
$target->sql('CREATE TABLE already (a int)', 'full_one');
lpbm_fails([ 'restore', $vault->arguments, '--target', $target->conninfo('full_one'), @bindir ], 1, qr/not empty|is not empty|empty/, 'target that is not empty');
is($target->sql('SELECT count(*) FROM pg_class WHERE relname = \'already\'', 'full_one'), '1', 'and it is left alone');
lpbm_fails([ 'restore', $vault->arguments, '--target', 'host=/nowhere dbname=x', @bindir ], 1, qr/connect|could not|nowhere/, 'no server');
lpbm_fails([ 'restore', $vault->arguments, '--target', $target->conninfo('y'), @bindir, '--entry', '99' ], 1, qr/99/, 'no such entry');
lpbm_fails([ 'restore', $vault->arguments, '--target', $target->conninfo('y'), @bindir, '--until', '2001-01-01 00:00:00+00' ], 1, qr/full/, 'before the first full');
lpbm_fails([ 'restore', '--store', 'file:/nowhere/at/all', '--journal', $vault->journal, '--passphrase-file', $vault->root . '/passphrase', '--target', $target->conninfo('y'), @bindir ],
	1, qr/nowhere/, 'no store');

# Usage.
lpbm_fails([ 'restore' ], 2, qr/--store|required/, 'options missing');
lpbm_fails([ 'restore', $vault->arguments, '--target', $target->conninfo('y'), '--until', 'yesterdayish' ], 2, qr/yesterdayish/, 'a time that is none');
lpbm_fails([ 'no-such-command' ], 2, qr/there is no command "no-such-command"/, 'no such command');
lpbm_fails([ 'list', '--journal', "$root/gone" ], 1, qr/gone/, 'no such journal');
lpbm_fails([ 'restore', '--store', 'ftp://host/', '--journal', $vault->journal, '--passphrase-file', $vault->root . '/passphrase', '--target', $target->conninfo('y') ], 2, qr/ftp/, 'a store of unknown kind');

# Settings.
foreach my $case ([ 'lpbm.trigger_cron', '61 * * * * *', qr/second|61/ ], [ 'lpbm.trigger_cron', 'nonsense', qr/cron|field/ ], [ 'lpbm.store', 'ftp://x', qr/store|file:/ ],
	[ 'lpbm.compression', 'lzma', qr/zstd/ ], [ 'lpbm.encryption', 'rot13', qr/age/ ], [ 'lpbm.recipients', 'nonsense', qr/lpbm.recipients/ ],
	[ 'lpbm.max_full_backups', '0', qr/valid range|outside/ ], [ 'lpbm.no_such', '1', qr/invalid configuration parameter|unrecognized|reserved/ ])
{
	my ($name, $value, $pattern) = @$case;
	my ($status, undef, $err) = $source->try_sql("ALTER SYSTEM SET $name = '$value'");
	isnt($status, 0, "$name = $value is refused");
	like($err, $pattern, "$name = $value: says why");
}

# A csvlog that is no csvlog.
my $csv = "$root/broken.csv";
open my $file, '>', $csv or die $!;
print $file "2026-01-01,\"not closed\nlpbm1 nonsense\n\0\xff";
close $file;
my ($status, $out, $err) = run_lpbm('extract', $csv);
note("extract: $status\n$err");

# The journal as it is, for contrast.
($status, $out, $err) = run_lpbm('verify', $vault->arguments);
is($status, 0, 'verify finds no fault with what is whole') or diag($err);
($status, $out, $err) = run_lpbm('restore', $vault->arguments, '--target', $target->conninfo('app'), @bindir);
is($status, 0, 'and it can be restored') or diag($err);
same($source, $target, 'to the same');

done_testing();
