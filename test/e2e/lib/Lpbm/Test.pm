# Servers backed up by lpbm, their restore, and the comparison of source and restored server.
#
# A test works with objects of this class, each around a node of PostgreSQL::Test::Cluster:
#     my $source = Lpbm::Test->backed_up('source');          # a running server with the minimal settings
#     $source->sql('...');  $source->backed_up_to_now;       # everything committed is in the store
#     my $vault = $source->vault;                            # copy of store, journal and passphrase, nothing else
#     my $target = $vault->restore('target');                # into a new server, by the engine
#     same($source, $target, 'name of the test');
package Lpbm::Test;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter 'import';
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(same differences wait_for run_lpbm lpbm_fails has version $DATABASE $PASSPHRASE);

our $DATABASE   = 'app';
our $PASSPHRASE = 'correct horse battery staple';
my $bindir = $ENV{LPBM_BINDIR} // die "LPBM_BINDIR is not set";
# Of pg_dump and pg_dumpall in comparisons: of the newest server that takes part.
our $dump_bindir = $bindir;

# ---- the installation -----------------------------------------------------------------------------------------------

# The major version of PostgreSQL, or that of a folder of programs.
sub version
{
	my ($where) = @_;
	my ($major) = qx{"@{[ $where // $bindir ]}/pg_config" --version} =~ /(\d+)/;
	return $major;
}

# Whether this installation has an extension, or 'xml'; where it has not, a skipped test names it.
sub has
{
	my ($what) = @_;
	my $share = qx{"$bindir/pg_config" --sharedir};
	chomp $share;
	return 1 if $what eq 'xml' ? qx{"$bindir/pg_config" --configure} =~ /--with-libxml/ : -e "$share/extension/$what.control";
  SKIP: { skip("without $what, which this installation of PostgreSQL lacks", 1); }
	return 0;
}

# ---- making servers -------------------------------------------------------------------------------------------------

# Recent minor releases demand that output plugins be named; older ones do not know the setting.
sub plugin_line
{
	my ($programs) = @_;
	return qx{"$programs/postgres" --describe-config} =~ /^output_plugin_libraries\t/m ? "output_plugin_libraries = 'lpbm'\n" : '';
}
our $PLUGIN_LINE = plugin_line($bindir);

# The lines that a user needs, and what makes a test quick (quick => 0: nothing). `conf` comes after, `lines` replaces
# the first.
sub _settings
{
	my ($self, %options) = @_;
	my $lines = $options{lines} // plugin_line($self->{bindir}) . <<"END";
shared_preload_libraries = 'lpbm'
wal_level = logical
logging_collector = on
log_destination = 'stderr,csvlog'
lpbm.database = '$DATABASE'
lpbm.passphrase_file = '$self->{passphrase_file}'
END
	my $quick = $lines =~ /lpbm/ && ($options{quick} // 1) ? <<"END" : '';
lpbm.trigger_cron = '* * * * * *'
lpbm.full_backup_cron = 'never'
lpbm.min_full_interval = '0'
lpbm.max_full_backups = 100
END
	return $lines . $quick . ($options{conf} // '');
}

sub _node
{
	my ($class, $name, %options) = @_;
	# `bindir`: the programs of another version.
	my $programs = $options{bindir} // $bindir;
	my @place    = $options{bindir} ? (install_path => $programs =~ s{/bin$}{}r) : ();
	my $node     = PostgreSQL::Test::Cluster->new($name, @place);
	$node->init(extra => $options{initdb} // [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
	my $self = bless { node => $node, name => $name, database => $DATABASE, bindir => $programs }, $class;
	my $data = $node->data_dir;
	$self->{secrets} = $node->basedir . '/secrets';
	mkdir $self->{secrets};
	$self->{passphrase_file} = "$self->{secrets}/passphrase";
	write_secret($self->{passphrase_file}, $PASSPHRASE);
	# Our own settings instead of the module's: those log all statements and do not restart after a crash.
	open my $conf, '>', "$data/postgresql.conf" or die $!;
	print $conf "port = " . $node->port . "\nlisten_addresses = ''\n";
	print $conf "unix_socket_directories = '" . $node->host . "'\n";
	print $conf "fsync = off\nmax_connections = 40\nshared_buffers = 32MB\nmax_prepared_transactions = 10\n";
	print $conf "log_line_prefix = '%m [%p] %b '\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n";
	print $conf $self->_settings(%options);
	close $conf;
	return $self;
}

# A running server that backs up its database $DATABASE, with the extension created there (unless extension => 0).
sub backed_up
{
	my ($class, $name, %options) = @_;
	my $self = $class->_node($name, %options);
	$self->create_database_offline($options{database_options} // '') unless defined $options{create} && !$options{create};
	return $self if defined $options{start} && !$options{start};
	$self->start;
	$self->sql('CREATE EXTENSION lpbm') if $options{extension} // 1;
	return $self;
}

# A running server without lpbm.
sub bare
{
	my ($class, $name, %options) = @_;
	my $self = $class->_node($name, %options, lines => '');
	$self->start;
	return $self;
}

# Before the first start, so that the worker finds its database.
sub create_database_offline
{
	my ($self, $options) = @_;
	my $data  = $self->node->data_dir;
	my $input = "CREATE DATABASE $DATABASE $options\n";
	my $out;
	IPC::Run::run([ "$self->{bindir}/postgres", '--single', '-D', $data, '-c', 'shared_preload_libraries=', '-c', 'logging_collector=off',
			'postgres' ], '<', \$input, '>&', \$out) or die "creating the database: $out";
	return;
}

sub write_secret
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	chmod 0600, $path;
	print $file "$text\n";
	close $file;
	return;
}

sub node           { return $_[0]{node} }
sub data           { return $_[0]{node}->data_dir }
sub directory      { return $_[0]->data . '/lpbm' }
sub start          { my ($self, %options) = @_; return $self->node->start(%options) }
sub stop           { my ($self, $mode) = @_; $self->node->stop($mode // 'fast'); return }
sub restart        { my ($self) = @_; $self->stop; $self->start; return }
sub configure      { my ($self, $text) = @_; $self->node->append_conf('postgresql.conf', $text); return }
sub reload         { my ($self) = @_; $self->node->reload; return }
sub conninfo       { my ($self, $database) = @_; return $self->node->connstr($database // $self->{database}) }

# ---- SQL ------------------------------------------------------------------------------------------------------------

# Runs SQL (dying on an error) and returns its output, unaligned.
sub sql
{
	my ($self, $sql, $database) = @_;
	return $self->node->safe_psql($database // $self->{database}, $sql);
}

# (exit code, stdout, stderr)
sub try_sql
{
	my ($self, $sql, %options) = @_;
	return $self->node->psql($options{database} // $self->{database}, $sql, on_error_stop => 1, %options{qw(timeout)},
		extra_params => $options{role} ? [ '-U', $options{role} ] : []);
}

# Polls until the code returns true; its last value, or a failed test and false after the deadline.
sub wait_for
{
	my ($what, $code, $timeout) = @_;
	my $deadline = time + ($timeout // $PostgreSQL::Test::Utils::timeout_default);
	while (1)
	{
		my $value = eval { $code->() };
		return $value if $value;
		if (time > $deadline)
		{
			fail("waited in vain for: $what");
			return;
		}
		usleep(100_000);
	}
}

sub wait_for_sql
{
	my ($self, $sql, $what, $timeout) = @_;
	return wait_for($what // $sql, sub { $self->sql($sql) eq 't' }, $timeout);
}

# Everything committed so far is in the store afterwards. Returns the entry's CID, or '' when nothing had changed.
sub backed_up_to_now
{
	my ($self) = @_;
	my ($status, $out, $err) = $self->try_sql('SELECT lpbm_delta()', timeout => 300);
	die "lpbm_delta: $err" if $status;
	return $out;
}

# Waits until the first full is there: afterwards the stream runs.
sub wait_for_first_full
{
	my ($self) = @_;
	return wait_for('the first full backup', sub { $self->entries('full') }, 180);
}

# ---- journal --------------------------------------------------------------------------------------------------------

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

# The entries of the journal's file, as hashes with their first words as `cid` and `name`.
sub entries
{
	my ($self, $kind) = @_;
	my @entries;
	my (undef, @lines) = split /\n/, slurp($self->directory . '/journal');
	foreach my $line (@lines)
	{
		my ($cid, $name, $json) = split / /, $line, 3;
		require JSON::PP;
		my $entry = { %{ JSON::PP::decode_json($json) }, cid => $cid, name => $name };
		push @entries, $entry if !$kind || $entry->{kind} eq $kind;
	}
	return @entries;
}

# The number of fulls and the reason of each. `wanted`: a regular expression for each, in order.
sub fulls_are
{
	my ($self, $wanted, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @reasons = map { $_->{reason} // '' } $self->entries('full');
	my $good    = @reasons == @$wanted;
	for my $i (0 .. $#$wanted)
	{
		$good = 0 if !defined $reasons[$i] || $reasons[$i] !~ $wanted->[$i];
	}
	ok($good, $name // (scalar(@$wanted) . ' full backups, for the reasons expected'))
	  or diag("reasons found: ", join(' | ', map { "\"$_\"" } @reasons), "\nwanted: ", join(' | ', @$wanted));
	return $good;
}

# At least one delta holds rows: the data did not come by fulls alone.
sub deltas_carried
{
	my ($self, $rows, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $carried = 0;
	$carried += $_->{rows} // 0 foreach $self->entries('delta');
	return cmp_ok($carried, '>=', $rows, $name // "deltas carried at least $rows rows");
}

sub status
{
	my ($self, $name) = @_;
	return $self->sql("SELECT coalesce(value, '') || coalesce(' ' || hint, '') FROM lpbm_status WHERE name = '$name'");
}

# The server's log as text (not the csvlog), those of earlier starts included.
sub log
{
	my ($self) = @_;
	my $text = '';
	$text .= slurp($_) foreach grep { -e } $self->node->logfile, sort glob($self->data . '/log/*.log');
	return $text;
}

sub log_has
{
	my ($self, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $found = wait_for("log: $pattern", sub { $self->log =~ $pattern }, 30);
	return ok($found, $name // "the log says $pattern");
}

# ---- processes ------------------------------------------------------------------------------------------------------

sub postmaster
{
	my ($self) = @_;
	my ($pid) = split /\n/, slurp($self->data . '/postmaster.pid');
	return $pid;
}

# Pids of the children of a process whose command line matches.
sub children
{
	my ($parent, $pattern) = @_;
	my @found;
	foreach my $dir (glob '/proc/[0-9]*')
	{
		my $stat    = eval { slurp("$dir/stat") }    // next;
		my $command = eval { slurp("$dir/cmdline") } // '';
		$command =~ tr/\0/ /;
		my ($pid, $state, $ppid) = $stat =~ /^(\d+) \(.*\) (\S) (\d+)/s;
		push @found, $pid if $ppid == $parent && $state ne 'Z' && $command =~ $pattern;
	}
	return @found;
}

sub worker    { my ($self) = @_; my ($pid) = children($self->postmaster, qr/^postgres:.*lpbm/); return $pid }
sub collector { my ($self) = @_; my ($pid) = children($self->postmaster, qr/^postgres:.*logger/); return $pid }

sub engines
{
	my ($self) = @_;
	my $worker = $self->worker // return;
	return children($worker, qr/lpbm/);
}

# kill -9 of the postmaster; its children follow. The server stays down.
sub crash
{
	my ($self) = @_;
	my @children = children($self->postmaster, qr/./);
	$self->node->kill9;
	wait_for('the last process of the crashed server', sub { !grep { kill 0, $_ } @children }, 60);
	return;
}

# pgbench in the background; stop it with ->finish. Errors of its sessions are expected where a server is killed.
sub pgbench_start
{
	my ($self, @options) = @_;
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ "$bindir/pgbench", '-n', @options, $self->conninfo ], '>', \$out, '2>', \$err);
	return Lpbm::Load->new($harness, \$err);
}

sub pgbench
{
	my ($self, @options) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ "$bindir/pgbench", @options, $self->conninfo ], '>', \$out, '2>', \$err) or die "pgbench: $err";
	return $out;
}

# ---- restoring ------------------------------------------------------------------------------------------------------

# What survives the worst day: store, journal and passphrase, copied elsewhere. Store must be the default one.
my $vaults = 0;

sub vault
{
	my ($self, %options) = @_;
	my $root = PostgreSQL::Test::Utils::tempdir("vault" . $vaults++);
	# The journal first: what it names is in the store already.
	copy($self->directory . '/journal', "$root/journal") or die $!;
	PostgreSQL::Test::RecursiveCopy::copypath($self->directory . '/store', "$root/store");
	copy($self->{passphrase_file}, "$root/passphrase") or die $!;
	chmod 0600, "$root/passphrase";
	return Lpbm::Vault->new($root);
}

sub target
{
	my ($self, $database) = @_;
	return $self->conninfo($database // $self->{database});
}

# Runs the engine; (exit code, stdout, stderr).
sub run_lpbm
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	note("lpbm @arguments");
	IPC::Run::run([ "$bindir/lpbm", @arguments ], '<', \'', '>', \$out, '2>', \$err,
		IPC::Run::timeout(600));
	my $status = $? >> 8;
	$status = 128 + ($? & 127) if $? & 127;
	note($err) if $err ne '';
	return ($status, $out, $err);
}

# The engine must fail with this exit code and words, and say it as documented.
sub lpbm_fails
{
	my ($arguments, $code, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) = run_lpbm(@$arguments);
	return subtest $name => sub {
		is($status, $code, "exit code $code");
		like($err, $pattern, 'says what and why');
		like($err, qr/^lpbm: /m, 'begins with lpbm:') if $code == 1;
	};
}

# ---- comparing ------------------------------------------------------------------------------------------------------

# pg_dump's text with the rows of each table sorted (their order on disk is nothing that a backup keeps) and without
# what names the program or the lpbm extension itself.
sub dump_text
{
	my ($self, @options) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ "$dump_bindir/pg_dump", '-d', $self->conninfo, @options ], '>', \$out, '2>', \$err)
	  or die "pg_dump: $err";
	my (@lines, @rows, $in_copy);
	foreach my $line (split /\n/, $out)
	{
		if ($in_copy)
		{
			if ($line eq '\.') { push @lines, (sort @rows), $line; @rows = (); $in_copy = 0 }
			else               { push @rows, $line }
			next;
		}
		$in_copy = $line =~ /^COPY .* FROM stdin;$/;
		next if $line =~ /^--|^\\(un)?restrict |^$/ || $line =~ /EXTENSION (IF NOT EXISTS )?lpbm\b/;
		# A server's own mark, which a pg_dump of a minor release before it takes for a user's setting.
		next if $line =~ /^ALTER TABLE ONLY .* SET \(pg_attver=\d+\);$/;
		push @lines, $line;
	}
	return join("\n", @lines, @rows) . "\n";
}

sub globals_text
{
	my ($self) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ "$dump_bindir/pg_dumpall", '-d', $self->conninfo('postgres'), '--globals-only' ], '>', \$out, '2>', \$err)
	  or die "pg_dumpall: $err";
	# Roles of the extension exist only where it was created.
	$out =~ s{LOCATION 'pg_tblspc/\d+'}{IN PLACE}g;
	return join "\n", grep { !/^--|^\\(un)?restrict |^$|^SET client_encoding/ && !/\blpbm_admin\b/ } split /\n/, $out;
}

# Row count and checksum of each table and materialized view, by name; sequences by their position.
sub checksums
{
	my ($self) = @_;
	my $tables = $self->sql(<<'END');
SELECT c.relkind, replace(replace(quote_ident(n.nspname) || '.' || quote_ident(c.relname), E'\\', E'\\\\'), E'\n', E'\\n')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)' AND (c.relkind <> 'm' OR c.relispopulated)
  AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND e.extname = 'lpbm')
ORDER BY n.nspname, c.relname
END
	my %sums;
	my $sql = '';
	# A name may hold anything, line ends among them.
	my @tables = map { [ split /\|/, $_, 2 ] } split /\n/, $tables;
	foreach my $number (0 .. $#tables)
	{
		my ($kind, $table) = @{ $tables[$number] };
		$table =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
		$tables[$number] = $table;
		$sql .= $kind eq 'S'
		  ? "SELECT $number, last_value, is_called FROM $table;\n"
		  : "SELECT $number, count(*), coalesce(sum(hashtextextended(t.*::text, 0)::numeric), 0) FROM ONLY $table t;\n";
	}
	foreach my $line (split /\n/, $sql eq '' ? '' : $self->sql("SET extra_float_digits = 3; $sql"))
	{
		my ($number, $sum) = $line =~ /^(\d+)\|([^|]*\|[^|]*)$/;
		$sums{ $tables[$number] } = $sum if defined $number;
	}
	return \%sums;
}

# Words for each difference between two servers; empty when there is none. rows => 0 leaves out the dump's rows (large
# databases; the checksums remain).
sub differences
{
	my ($a, $b, %options) = @_;
	my @found;
	my @dump_options = (($options{rows} // 1) ? () : ('--schema-only'), @{ $options{dump} // [] });
	push @found, text_difference('dump', $a->dump_text(@dump_options), $b->dump_text(@dump_options));
	push @found, text_difference('globals', $a->globals_text, $b->globals_text) if $options{globals} // 1;
	my ($sums_a, $sums_b) = ($a->checksums, $b->checksums);
	foreach my $table (sort keys %{ { %$sums_a, %$sums_b } })
	{
		my ($left, $right) = ($sums_a->{$table} // 'missing', $sums_b->{$table} // 'missing');
		push @found, "table $table: $left against $right" if $left ne $right;
	}
	return @found;
}

sub text_difference
{
	my ($what, $a, $b) = @_;
	return () if $a eq $b;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	foreach my $side ([ 'a', $a ], [ 'b', $b ])
	{
		open my $file, '>:raw', "$dir/$side->[0]" or die $!;
		print $file $side->[1];
		close $file;
	}
	my $diff = qx{diff -U1 '$dir/a' '$dir/b' | cut -c1-300 | head -n 40};
	return "$what differs:\n$diff";
}

sub same
{
	my ($a, $b, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found = differences($a, $b, %options);
	return ok(!@found, $name) || (diag(join "\n", @found) && 0);
}

# ---------------------------------------------------------------------------------------------------------------------
# A load that runs beside the test.
package Lpbm::Load;

use strict;
use warnings;

sub new     { my ($class, $harness, $err) = @_; return bless { harness => $harness, err => $err }, $class }
sub running { my ($self) = @_; return $self->{harness}->pumpable }

# Waits for its end; true when it ended well.
sub finish
{
	my ($self) = @_;
	$self->{harness}->finish;
	return $? == 0;
}

sub kill { my ($self) = @_; $self->{harness}->kill_kill; return }

# ---------------------------------------------------------------------------------------------------------------------
# A copy of what must survive, and restores from it.
package Lpbm::Vault;

use strict;
use warnings;

use Test::More;

sub new     { my ($class, $root) = @_; return bless { root => $root }, $class }
sub root    { return $_[0]{root} }
sub store   { return "$_[0]{root}/store" }
sub journal { return "$_[0]{root}/journal" }

sub arguments
{
	my ($self) = @_;
	return ('--store', 'file:' . $self->store, '--journal', $self->journal, '--passphrase-file',
		"$self->{root}/passphrase");
}

# Restores into a new bare server by the engine and returns it. options: arguments => [...], into => a running server.
sub restore
{
	my ($self, $name, %options) = @_;
	my $target = $options{into} // Lpbm::Test->bare($name, %options{qw(initdb bindir)});
	my ($status, $out, $err) = Lpbm::Test::run_lpbm('restore', $self->arguments, '--target', $target->target,
		'--bindir', $target->{bindir} // $ENV{LPBM_BINDIR}, @{ $options{arguments} // [] });
	is($status, 0, "restored into $name") or diag($err);
	return $target;
}

1;
