# A backup of each version of PostgreSQL is restored by each newer one.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my %programs = map { split /=/, $_, 2 } split / /, $ENV{LPBM_BINDIRS} // '';
plan skip_all => 'one version of PostgreSQL alone is here' unless keys %programs > 1;

my $full = <<'END';
CREATE ROLE app_owner; CREATE ROLE reader; CREATE ROLE member; GRANT reader TO member WITH ADMIN OPTION;
CREATE SCHEMA app AUTHORIZATION app_owner;
CREATE TABLE app.customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, twice text GENERATED ALWAYS AS (name || name) STORED);
INSERT INTO app.customer (name) SELECT 'c' || i FROM generate_series(1, 50) i;
GRANT SELECT ON app.customer TO reader;
CREATE TABLE app.sale (id bigserial, customer int REFERENCES app.customer, at timestamptz NOT NULL, total numeric CHECK (total > 0), PRIMARY KEY (id, at))
  PARTITION BY RANGE (at);
CREATE TABLE app.sale_old PARTITION OF app.sale FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE app.sale_new PARTITION OF app.sale DEFAULT;
INSERT INTO app.sale (customer, at, total) SELECT i % 50 + 1, '2024-12-01'::timestamptz + i * interval '1 day', i FROM generate_series(1, 60) i;
CREATE MATERIALIZED VIEW app.totals AS SELECT customer, sum(total) FROM app.sale GROUP BY 1;
SELECT lo_from_bytea(4711, 'large');
END
my $delta = <<'END';
SET ROLE app_owner;
CREATE TYPE app.state AS ENUM ('new', 'paid');
RESET ROLE;
ALTER TABLE app.customer ADD state app.state DEFAULT 'new', ADD r float8 DEFAULT random();
UPDATE app.customer SET name = name || '!' WHERE id % 3 = 0;
DELETE FROM app.sale WHERE id % 7 = 0;
CREATE INDEX CONCURRENTLY by_state ON app.customer (state);
CREATE VIEW app.paying AS SELECT name FROM app.customer WHERE state = 'paid';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'touched'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON app.customer FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION app.touch();
UPDATE app.customer SET state = 'paid' WHERE id < 5;
ALTER TABLE app.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.customer FOR SELECT TO reader USING (state = 'paid');
CREATE TABLE app.made AS SELECT clock_timestamp() c, i FROM generate_series(1, 9) i;
CREATE PUBLICATION changes FOR TABLE app.customer;
REFRESH MATERIALIZED VIEW app.totals;
ALTER DATABASE app SET work_mem = '5MB';
CREATE ROLE late LOGIN;
GRANT app_owner TO late;
END

# How a membership is written changed with 16: what it gives is compared.
sub memberships
{
	my ($server) = @_;
	return $server->sql('SELECT string_agg(pg_get_userbyid(roleid) || $$ to $$ || pg_get_userbyid(member) || admin_option, $$, $$ ORDER BY 1)'
		  . ' FROM (SELECT DISTINCT roleid, member, admin_option FROM pg_auth_members WHERE roleid >= 16384) m');
}

my @versions = sort { $a <=> $b } keys %programs;
foreach my $from (@versions)
{
	my @newer = grep { $_ > $from } @versions;
	last unless @newer;
	my $source = Lpbm::Test->backed_up("source_$from", bindir => $programs{$from});
	$source->sql($full);
	$source->sql('SELECT lpbm_full_backup()');
	my $fulls = () = $source->entries('full');
	$source->sql($_) foreach split /(?<=;)\n(?=CREATE INDEX|CREATE VIEW|REFRESH|ALTER DATABASE)/, $delta;
	$source->backed_up_to_now;
	is(scalar(() = $source->entries('full')), $fulls, "$from: the rest came by deltas");
	my $vault = $source->vault;
	foreach my $into (@newer)
	{
		local $Lpbm::Test::dump_bindir = $programs{$into};
		my $target = $vault->restore("from_${from}_into_$into", bindir => $programs{$into});
		# Servers spell the queries of views differently since 16.
		same($source, $target, "$from into $into: the same", globals => 0,
			dump => [ map { "--exclude-table=app.$_" } qw(paying totals) ]);
		is($_->sql('SELECT string_agg(name, $$ $$ ORDER BY name) FROM app.paying'), 'c2 c3! c4 touched', "$from into $into: a view")
		  foreach $source, $target;
		is(memberships($target), memberships($source), "$from into $into: the same memberships");
		is($target->sql('SELECT current_setting($$work_mem$$)'), '5MB', "$from into $into: the database's settings");
		is($target->sql('SELECT convert_from(lo_get(4711), $$UTF8$$)'), 'large', "$from into $into: large objects");
		$target->stop('immediate');
	}
	# An older pg_restore cannot read it, a newer one says what an older server does not know.
	my $same = Lpbm::Test->bare("same_$from", bindir => $programs{$from});
	lpbm_fails([ 'restore', $vault->arguments, '--target', $same->target, '--bindir', $programs{ $newer[-1] } ], 1,
		qr/pg_restore is of PostgreSQL $newer[-1], the backup of $from, the server of $from/, "$from: pg_restore must fit");
	# Its own version, found without --bindir.
	local $ENV{PATH} = "$programs{$newer[-1]}:$programs{$from}:$ENV{PATH}";
	my ($status, undef, $err) = run_lpbm('restore', $vault->arguments, '--target', $same->target);
	is($status, 0, "$from: pg_restore of the server's version is found in the PATH") or diag($err);
	{
		local $Lpbm::Test::dump_bindir = $programs{$from};
		same($source, $same, "$from into $from: the same");
	}
	$_->stop('immediate') foreach $same, $source;
}
# Never into an older one.
my $source = Lpbm::Test->backed_up('newest', bindir => $programs{ $versions[-1] });
$source->wait_for_first_full;
my $old = Lpbm::Test->bare('oldest', bindir => $programs{ $versions[0] });
lpbm_fails([ 'restore', $source->vault->arguments, '--target', $old->target, '--bindir', $programs{ $versions[0] } ], 1,
	qr/the backup is of PostgreSQL $versions[-1], the server of $versions[0]/, 'an older server is refused');

done_testing();
