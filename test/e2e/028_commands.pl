# docs/commands.md says for every command of PostgreSQL what a backup does with it. Here each row of it is tried, by
# data/commands.sql, and no command that the server's own headers list may be missing.
use strict;
use warnings;

use File::Basename qw(dirname);
use Lpbm::Test;
use Test::More;

my $root = dirname(__FILE__);

# ---- the page, the cases, the server's lists ------------------------------------------------------------------------

# What the page says: row => word.
sub rows_of_page
{
	my %rows;
	foreach my $line (split /\n/, Lpbm::Test::slurp("$ENV{LPBM_DOCS}/commands.md"))
	{
		$rows{$1} = $2 if $line =~ /^\| `([A-Za-z_ ]+)` \| (\w+)/;
	}
	return \%rows;
}

# { row, none, setup, runs => [ { word, sql } ] } for each section.
sub cases
{
	my ($host, $port) = @_;
	my @cases;
	foreach my $line (split /^/, Lpbm::Test::slurp("$root/data/commands.sql"))
	{
		next if $line =~ /^-- |^$/;
		$line =~ s/\\H/$host/g;
		$line =~ s/\\P/$port/g;
		my $number = @cases;
		if ($line =~ /^--- (run|also)(?: (\w+))?$/) { push @{ $cases[-1]{runs} }, { word => $2, sql => '' } }
		elsif ($line =~ /^--- none: (.*)/) { $cases[-1]{none} = $1 }
		elsif ($line =~ /^--- (.*)/) { push @cases, { row => $1, setup => '', runs => [] } }
		else
		{
			$line =~ s/\\N/$number/g;
			if   (@{ $cases[-1]{runs} }) { $cases[-1]{runs}[-1]{sql} .= $line }
			else                         { $cases[-1]{setup} .= $line }
		}
	}
	return @cases;
}

sub rows_of_server
{
	my $tags  = Lpbm::Test::slurp("$ENV{LPBM_HEADERS}/cmdtaglist.h");
	my $nodes = Lpbm::Test::slurp("$ENV{LPBM_HEADERS}/parsenodes.h");
	my ($alter) = $nodes =~ /typedef enum AlterTableType\s*\{(.*?)\}/s or die 'no AlterTableType';
	return ((grep { $_ ne '???' } $tags =~ /^PG_CMDTAG\(\w+, "([^"]*)"/mg), $alter =~ /^\s*(AT_\w+)/mg);
}

# ---- trying ---------------------------------------------------------------------------------------------------------

# With an identity of the test's own, which opens an object without a passphrase's work.
my $dir = PostgreSQL::Test::Utils::tempdir('keys');
system("age-keygen -o '$dir/identity' 2>'$dir/err'") == 0 or die 'age-keygen';
my ($recipient) = Lpbm::Test::slurp("$dir/identity") =~ /public key: (age1\S+)/;
my @identity = ('--identity', "$dir/identity");

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.trigger_cron = 'never'\nlpbm.passphrase_file = ''\nlpbm.recipients = '$recipient'\n");
my @cases  = cases($source->node->host, $source->node->port);
my $page   = rows_of_page();
my %server = map { $_ => 1 } rows_of_server();
is(join(', ', grep { !$page->{$_} } sort keys %server), '', 'the page has each command of this server');
is(join(', ', grep { my $row = $_; !grep { $_->{row} eq $row } @cases } sort keys %$page), '', 'each row is tried');

# The page is of the newest version, too.
@cases = grep { $server{ $_->{row} } } @cases;

# Where an installation lacks an extension, the cases with it are left out.
foreach my $case (@cases)
{
	my @extensions = join(' ', $case->{setup}, map { $_->{sql} } @{ $case->{runs} }) =~ /CREATE EXTENSION (\w+)/g;
	$case->{left_out} = grep { !Lpbm::Test::has($_) } @extensions;
}
@cases = grep { !$_->{left_out} } @cases;

my $path = "SET search_path = commands, public;\n";
$source->sql('CREATE ROLE commands_a; CREATE SCHEMA commands; GRANT ALL ON SCHEMA commands TO commands_a');
foreach my $case (grep { $_->{setup} } @cases)
{
	my ($status, undef, $err) = $source->try_sql($path . $case->{setup});
	is($status, 0, "prepared: $case->{row}") or diag($err);
}
$source->sql('SELECT lpbm_full_backup()');
$source->backed_up_to_now;
my $fulls = () = $source->entries('full');
sub tablespaces { return split /\n/, $source->sql("SELECT spcname FROM pg_tablespace WHERE spcname !~ '^pg_'") }
my %tablespaces = map { $_ => 1 } tablespaces();

# What became of what has just run: a word of the page.
sub outcome
{
	my ($sql) = @_;
	my $cid = $source->backed_up_to_now;
	return 'neutral' if $cid eq '';
	my ($entry) = grep { $_->{cid} eq $cid } $source->entries;
	return "full ($entry->{reason})" if $entry->{kind} eq 'full';
	return 'refreshed' if grep { $_->{name} =~ /^refresh/ } @{ $entry->{objects} };
	my ($object) = grep { $_->{name} eq 'script' } @{ $entry->{objects} };
	return 'recorded' if !$object;
	my (undef, $script) = run_lpbm('get', $object->{cid}, '--decrypt', '--store', 'file:' . $source->directory . '/store', @identity);
	my ($command) = $sql =~ /(?:^|;\s*)((?:ALTER|CREATE|DROP|COMMENT|GRANT|REVOKE|REASSIGN|REFRESH|CLUSTER|IMPORT)\b[^;]*)/;
	return defined $command && index($script, $command) >= 0 ? 'replayed' : 'recorded';
}

# A detach in two steps: the first is interrupted while it waits for who still reads the partition.
sub detach_in_two_steps
{
	my ($run) = @_;
	my ($table) = $run->{sql} =~ /TABLE (\w+)/;
	my $reader = $source->node->background_psql($DATABASE);
	$reader->query_safe("BEGIN; SELECT count(*) FROM commands.$table");
	my ($status) = $source->try_sql("${path}SET statement_timeout = '1s';\nALTER TABLE $table DETACH PARTITION one_$table CONCURRENTLY");
	isnt($status, 0, 'the detach is interrupted');
	$reader->quit;
	return;
}

sub try_case
{
	my ($case) = @_;
	my $expected = $page->{ $case->{row} } // 'no row in the page';
	return is($expected, 'none', "$case->{row}: $case->{none}") if defined $case->{none};
	foreach my $run (@{ $case->{runs} })
	{
		my $wanted = $run->{word} // $expected;
		detach_in_two_steps($run) if $case->{row} eq 'AT_DetachPartitionFinalize';
		my ($status, undef, $err) = $source->try_sql($path . $run->{sql});
		my $fails = $wanted eq 'fails';
		$wanted = 'neutral' if $fails || $wanted eq 'never';
		(my $title = "$case->{row}: $run->{sql}") =~ s/\s+/ /g;
		my $good = ($status != 0) eq $fails;
		my $got  = outcome($run->{sql});
		ok($good && $got =~ /^\Q$wanted\E\b/, "$wanted: " . substr($title, 0, 120)) or diag("found: $got; $err");
	}
	return;
}

sub is_full { return ($page->{ $_[0]{row} } // '') eq 'full' }

try_case($_) foreach grep { !is_full($_) } @cases;
is(scalar(() = $source->entries('full')), $fulls, 'all of it came by deltas');
my $vault  = $source->vault;
my $target = Lpbm::Test->bare('target');
# Tablespaces lie where an administrator has put them: those of today and of the time of the full.
$tablespaces{$_} = 1 foreach tablespaces();
$target->sql("SET allow_in_place_tablespaces = on;\nCREATE TABLESPACE $_ LOCATION ''", 'postgres')
  foreach sort keys %tablespaces;
my ($status, undef, $err) = run_lpbm('restore', '--store', 'file:' . $vault->store, '--journal', $vault->journal, @identity,
	'--target', $target->target, '--bindir', $ENV{LPBM_BINDIR});
is($status, 0, 'restored') or diag($err);
delete @tablespaces{ tablespaces() };
$target->sql("DROP TABLESPACE $_", 'postgres') foreach sort keys %tablespaces;
same($source, $target, 'and is the same');
try_case($_) foreach grep { is_full($_) } @cases;
$source->stop;

done_testing();
