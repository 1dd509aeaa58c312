# A mail server that says nothing holds up nothing; kills lose no mail; and a server that cannot back up says so by mail.
use strict;
use warnings;

use IO::Socket::INET;
use Lpbm::Mail;
use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $mail = Lpbm::Mail->start(tls => 'none');
$mail->stop;
# Takes connections into its queue and never answers.
my $mute = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => $mail->{port}, ReuseAddr => 1) or die $!;
my $source = Lpbm::Test->backed_up('source', conf => $mail->settings . "lpbm.site = 'shop'\n");

sub mailing { return wait_for('an engine that mails', sub { $source->sql("SELECT count(*) FROM lpbm_progress WHERE job = 'mail'") eq '1' }) }
sub change { $source->sql("INSERT INTO t DEFAULT VALUES"); return $source->backed_up_to_now }

$source->sql('CREATE TABLE t (id serial PRIMARY KEY)');
$source->wait_for_first_full;
mailing();
isnt(change(), '', 'deltas are made while a mail server says nothing');
isnt($source->sql('SELECT lpbm_full_backup()'), '', 'so are fulls');
ok(mailing(), 'the mail still waits');
my (undef, undef, $err) = $source->try_sql("SET statement_timeout = '300ms'; SELECT lpbm_mail_journal()");
like($err, qr/canceling statement due to statement timeout/, 'who waits for a mail can give up');

# An engine that is killed, a server that is stopped, and one that is killed while a mail is under way.
my ($engine) = $source->engines;
kill 9, $engine;
ok(wait_for('the status', sub { $source->status('problem') =~ /ended without an answer.*signal 9/ }), 'a killed engine is told');
mailing();
isnt(change(), '', 'backups go on');
$source->stop;
pass('a server that is mailing stops');
$source->start;
mailing();
my ($orphan) = $source->engines;
$source->crash;
ok(wait_for('the end of the engine', sub { !kill 0, $orphan }), 'the engine ends with a server that is killed');
$mute->close;
$mail->run;
$source->start;
my ($last) = reverse $source->entries;
$mail->wait_for_mails(1, qr/ \Q$last->{name}\E$/);
is($source->sql('SELECT lpbm_mail_journal()'), 't', 'then mails are sent');
is(scalar $mail->mails(qr/ \Q$last->{name}\E$/), 2, 'the one that was waiting, and the one asked for');
ok(wait_for('no problem', sub { $source->status('problem') eq '' }), 'and nothing is wrong');

# Something is missing that backups need.
sub log_destination
{
	my ($value) = @_;
	$source->configure("log_destination = '$value'\n");
	$source->reload;
	return;
}
log_destination('stderr');
my ($alarm) = $mail->wait_for_mails(1, qr/problem: /);
is($alarm->{subject}, 'shop problem: log_destination', 'a server that cannot back up says so');
like($alarm->{body}, qr/does not hold csvlog\nHint: Set log_destination/, 'and what to do');
is($source->status('state') =~ s/ .*//r, 'blocked', 'as its status does');
$source->restart;
ok(wait_for('the state', sub { $source->status('state') =~ /^blocked/ }), 'it does so after a restart');
is($source->sql('SELECT lpbm_mail_journal()'), 't', 'the journal can be mailed nevertheless');
log_destination('stderr,csvlog');
$mail->wait_for_mails(1, qr/over: log_destination/);
isnt(change(), '', 'backups go on');
is(scalar $mail->mails(qr/problem: /), 1, 'it was told once');
is(scalar $mail->mails(qr/over: /), 1, 'and its end once');

# Cut here, the files of the state would be lost or torn: then mails come once more, and nothing fails.
$source->stop;
open my $state, '>', $source->directory . '/mail' or die $!;
print $state '{"version":1,';
close $state;
my $before = scalar $mail->mails;
$source->start;
$mail->wait_for_mails($before + 1);
isnt(change(), '', 'a torn state is no obstacle');

done_testing();
