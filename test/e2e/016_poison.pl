# An output function that raises for a while: the transaction cannot be decoded, and a dump cannot read the row. It is told,
# the slot does not stand still, nothing is passed over in silence, and a full follows as soon as the row can be read.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql(<<'END');
CREATE TYPE moody;
CREATE FUNCTION moody_in(cstring) RETURNS moody AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION moody_out(moody) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE moody (INPUT = moody_in, OUTPUT = moody_out, LIKE = text);
CREATE TABLE moods (id int PRIMARY KEY, m moody);
INSERT INTO moods VALUES (1, 'good');
END
$source->wait_for_first_full;
$source->sql("UPDATE moods SET m = 'better'");
$source->backed_up_to_now;
$source->fulls_are([qr/./], 'a type of our own goes by deltas');
my $confirmed = $source->sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name ~ 'lpbm'");

# From now on its values cannot be shown.
$source->sql("CREATE OR REPLACE FUNCTION moody_out(moody) RETURNS cstring AS 'shell_out' LANGUAGE internal IMMUTABLE STRICT");
$source->sql("INSERT INTO moods VALUES (2, 'bad')");
$source->sql('CREATE TABLE meanwhile (id int PRIMARY KEY); INSERT INTO meanwhile VALUES (1)');
$source->log_has(qr/lpbm: .*shell type/, 'the log says what raises');
$source->wait_for_sql("SELECT confirmed_flush_lsn > '$confirmed' FROM pg_replication_slots WHERE slot_name ~ 'lpbm'", 'the slot goes on');
ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name IN ('problem', 'behind', 'full_wanted') AND value ~ 'shell type|poison'",
		'the status to tell'), 'the status says that the backup is behind');
my ($status, undef, $err) = $source->try_sql('SELECT lpbm_full_backup()', timeout => 60);
isnt($status, 0, 'a full cannot be taken either');
like($err, qr/shell type/, 'and says why');

$source->sql("CREATE OR REPLACE FUNCTION moody_out(moody) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT");
wait_for('backed up again', sub { $source->backed_up_to_now; (() = $source->entries('full')) > 1 }, 120);
$source->sql("INSERT INTO moods VALUES (3, 'good again')");
$source->backed_up_to_now;
$source->fulls_are([ qr/first/, qr/poison/ ], 'one full, since a transaction could not be decoded');
same($source, $source->vault->restore('target'), 'and all of it is there');

done_testing();
