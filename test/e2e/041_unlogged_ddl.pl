# Rows of unlogged tables are as of the last full or refresh, and commands on the table may come that only its later rows
# fulfil: then they go, which the restore says, and nothing else is lost.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.refresh_limit = '0%'\n");
$source->sql(<<'END');
CREATE UNLOGGED TABLE twice (a int, b text);
INSERT INTO twice VALUES (1, 'x'), (1, 'x'), (2, 'y');
CREATE UNLOGGED TABLE beside (a int);
INSERT INTO beside VALUES (1);
CREATE TABLE keyed (id int PRIMARY KEY);
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'never'; END $$;
CREATE TRIGGER never BEFORE DELETE ON twice FOR EACH ROW EXECUTE FUNCTION never();
ALTER TABLE twice ENABLE ALWAYS TRIGGER never;
END
$source->wait_for_first_full;
$source->sql('SELECT lpbm_full_backup()');
$source->sql(<<'END');
INSERT INTO keyed VALUES (1);
ALTER TABLE twice DISABLE TRIGGER never;
DELETE FROM twice t USING twice u WHERE t.a = u.a AND t.ctid > u.ctid;
ALTER TABLE twice ENABLE ALWAYS TRIGGER never;
ALTER TABLE twice ADD PRIMARY KEY (a);
INSERT INTO keyed VALUES (2);
END
$source->backed_up_to_now;
my @fulls = $source->entries('full');
my $vault = $source->vault;
my $target = Lpbm::Test->bare('target');
my ($status, $out, $err) = run_lpbm('restore', $vault->arguments, '--bindir', $ENV{LPBM_BINDIR}, '--target', $target->target);
is($status, 0, 'restored') or diag($err);
like($out . $err, qr/the unlogged table "public"\."twice" was emptied/, 'what is not there is said');
is($target->sql('SELECT count(*) FROM beside'), '1', 'another one is as it was');
is($target->sql('SELECT string_agg(id::text, \' \' ORDER BY id) FROM keyed'), '1 2', 'all else is there');
is($target->sql("SELECT count(*) FROM pg_constraint WHERE conrelid = 'twice'::regclass"), '1', 'the command took effect');
is($target->sql("SELECT tgenabled FROM pg_trigger WHERE tgname = 'never'"), 'A', 'the trigger is as it was');

# Outside of a transaction block.
$source->sql('INSERT INTO beside VALUES (1)');
$source->sql('SELECT lpbm_full_backup()');
$source->sql('TRUNCATE beside');
$source->sql('CREATE UNIQUE INDEX CONCURRENTLY one_of_each ON beside (a)');
$source->sql('INSERT INTO keyed VALUES (3)');
$source->backed_up_to_now;
$target = $source->vault->restore('concurrently');
is($target->sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_of_each'::regclass"), 't', 'an index that is made concurrently');
is($target->sql('SELECT count(*) FROM keyed'), '3', 'and what follows');

done_testing();
