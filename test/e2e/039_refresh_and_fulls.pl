# Where a full meets a table that waits for its refresh: the full makes up for it, and what comes behind it needs no
# refresh. A table that cannot be read keeps nobody from backing up the others.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.refresh_limit = '90%'\n");
$source->sql('CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (a int, v text);
	INSERT INTO keyless SELECT i, md5(i::text) FROM generate_series(1, 200000) i');
$source->wait_for_first_full;
$source->backed_up_to_now;

# After a refresh that took its time the next one waits: a full that is taken meanwhile begins with the table unknown.
my ($full, $before);
foreach my $round (1 .. 10)
{
	$source->sql("UPDATE keyless SET v = 'before $round' WHERE a = $round");
	$source->backed_up_to_now;
	my $fulls = () = $source->entries('full');
	$source->sql("UPDATE keyless SET v = 'waits $round' WHERE a = $round; INSERT INTO keyed VALUES ($round)");
	$source->sql('SELECT lpbm_full_backup()');
	($full) = (grep { $_->{kind} eq 'full' } $source->entries)[$fulls];
	($before) = grep { grep { $_->{lsn} eq $full->{anchor} } @{ $_->{holes} // [] } } $source->entries('delta');
	last if $before;
}
ok($before, 'a full began while a table waited for its refresh') or BAIL_OUT('the scene was not met');
like($before->{holes}[0]{detail}, qr/^public\.keyless: it was not refreshed before a full backup began/, 'the stream before it says where it ends');
ok(wait_for('the delta behind the full', sub { $source->sql("INSERT INTO keyed SELECT max(id) + 1 FROM keyed RETURNING id"); $source->backed_up_to_now; 1 }),
	'the next delta');
my ($last) = reverse $source->entries('delta');
is(scalar(@{ $last->{refreshes} // [] }), 0, 'nothing is refreshed behind the full');
is($source->sql("SELECT value, hint FROM lpbm_status WHERE name = 'behind'"), 'no|', 'no other full is needed');
$source->fulls_are([ qr/^new_stream/, (qr/^requested/) x ((() = $source->entries('full')) - 1) ], 'and none was taken');
same($source, $source->vault->restore('behind'), 'the same, by the full and what came behind it');

# An output function that raises: the table's rows cannot be read, the other tables go on.
$source->sql(<<'END');
CREATE TYPE moody;
CREATE FUNCTION moody_in(cstring) RETURNS moody AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION moody_out(moody) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE moody (INPUT = moody_in, OUTPUT = moody_out, LIKE = text);
CREATE TABLE moods (id int, m moody);
INSERT INTO moods VALUES (1, 'good'), (2, 'bad');
END
$source->backed_up_to_now;
my $fulls = () = $source->entries('full');
$source->sql("CREATE OR REPLACE FUNCTION moody_out(moody) RETURNS cstring AS 'shell_out' LANGUAGE internal IMMUTABLE STRICT");
$source->sql('DELETE FROM moods WHERE id = 1');
ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'behind' AND hint ~ 'no_replica_identity: reading public.moods: .*shell type'",
		'a full to be wanted'), 'a full is wanted, since the table cannot be read');
my $count = () = $source->entries('delta');
$source->sql('INSERT INTO keyed VALUES (-1)');
ok(wait_for('a delta', sub { (() = $source->entries('delta')) > $count }, 60), 'deltas go on');
$source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'problem' AND value ~ 'shell type'", 'the problem to be told');
like($source->status('problem'), qr/shell type/, 'the status says what is in the way');
$source->sql("CREATE OR REPLACE FUNCTION moody_out(moody) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT");
wait_for('backed up again', sub { $source->backed_up_to_now; (() = $source->entries('full')) > $fulls }, 120);
is(scalar(() = $source->entries('full')), $fulls + 1, 'one full makes up for it');
same($source, $source->vault->restore('readable'), 'the same when it can be read again');

done_testing();
