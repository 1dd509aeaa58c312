# Mails that cannot be sent wait and hold up nothing; what is wrong is mailed once, and that it is over once.
use strict;
use warnings;

use Lpbm::Mail;
use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $mail   = Lpbm::Mail->start(user => 'backup', password => 'right one');
my $source = Lpbm::Test->backed_up('source', conf => "lpbm.site = 'shop'\n");
$source->sql('CREATE TABLE t (id serial PRIMARY KEY, v text)');
$source->wait_for_first_full;

sub settings_are
{
	my ($text) = @_;
	$source->configure($text);
	$source->reload;
	my ($name, $value) = $text =~ /^(\S+) = '?(.*?)'?$/m;
	wait_for("the setting $name", sub { $source->sql("SHOW $name") eq $value });
	return;
}

sub change { $source->sql("INSERT INTO t (v) VALUES ('x')"); return $source->backed_up_to_now }
sub last_name { my ($last) = reverse $source->entries; return $last->{name} }
# The mail with the newest journal for a recipient.
sub arrives { my ($to) = @_; my $name = last_name(); return wait_for("the mail with $name", sub {
			grep { $_->{envelope}{to}[0] eq $to } $mail->mails(qr/ $name$/) }, 60) }
sub trouble { my ($pattern, $name) = @_; my $seen = wait_for("the status to say $pattern", sub { $source->status('problem') =~ $pattern }, 60);
	return ok($seen, $name) || diag($source->status('problem')) }
sub healed { my ($name) = @_; return ok(wait_for('no problem', sub { $source->status('problem') eq '' }, 60), $name) }

# Without a mail server, and with one that is not told whom to write to.
my ($status, $out, $err) = $source->try_sql('SELECT lpbm_mail_journal()');
is($out, 'f', 'without lpbm.smtp_url nothing is mailed');
like($err, qr/NOTICE: .*lpbm\.smtp_url is empty\nHINT: /, 'which the function says');
settings_are("lpbm.smtp_url = 'smtp://localhost:$mail->{port}'\n");
trouble(qr/lpbm\.mail_to is empty Set lpbm\.mail_to/, 'a missing recipient is told');

# A certificate that nobody trusts, and a wrong password.
settings_are("lpbm.mail_to = 'dba\@ops.example'\nlpbm.smtp_user = 'backup'\nlpbm.mail_interval = '1s'\n"
	  . "lpbm.smtp_password_file = '$mail->{root}/wrong'\n");
trouble(qr/wrong.*No such file/, 'a missing password file is told');
$mail->write('wrong', 'left one', 0644);
settings_are("lpbm.mail_from = 'a\@db.example'\n");
trouble(qr/wrong.*group or others/, 'and one that others can read');
$mail->write('wrong', 'left one', 0600);
settings_are("lpbm.mail_from = 'b\@db.example'\n");
trouble(qr/certificate.*lpbm\.smtp_ca_file/, 'a certificate that nothing proves is refused');
like($mail->log, qr/^$/, 'before anything was said');
settings_are("lpbm.smtp_ca_file = '$mail->{root}/certificate'\n");
trouble(qr/refuses the login: 535 .*lpbm\.smtp_password_file/, 'a wrong password is told');
isnt(change(), '', 'backups go on meanwhile');
($status, $out, $err) = $source->try_sql('SELECT lpbm_mail_journal()');
is($out, 'f', 'lpbm_mail_journal() says that it could not');
like($err, qr/WARNING: .*not mailed: .*535.*\nHINT: /, 'and why');
unlike($source->status('problem') . $source->log, qr/left one/, 'the password is not told');
settings_are("lpbm.smtp_password_file = '$mail->{root}/password'\n");
ok(arrives('dba@ops.example'), 'with the right one the journal arrives');
healed('and nothing is wrong any more');

# No STARTTLS.
my $plain = Lpbm::Mail->start(tls => 'none');
settings_are("lpbm.smtp_url = 'smtp://localhost:$plain->{port}'\n");
change();
trouble(qr/offers no STARTTLS.*lpbm\.smtp_tls/, 'a server without STARTTLS is not used');
is($plain->log, '', 'nothing was said to it in clear text');
$plain->stop;

# The server is away: backups go on, and the last journal comes when it is back.
settings_are("lpbm.smtp_url = 'smtp://localhost:$mail->{port}'\n");
ok(arrives('dba@ops.example'), 'what it had missed arrives');
$mail->stop;
isnt(change(), '', 'with the mail server gone backups go on') foreach 1 .. 3;
trouble(qr/mailing to dba\@ops\.example: .*Failed to connect|Couldn't connect/i, 'the status says that mails are not sent');
$source->restart;
trouble(qr/mailing to/, 'also after a restart');
$mail->run;
ok(arrives('dba@ops.example'), 'it comes by itself when the server is back');
healed('nothing is wrong then');

# One recipient is refused: the others have their mails, and he the newest when he is taken.
$mail->refuse('gone@ops.example');
settings_are("lpbm.mail_to = 'dba\@ops.example, gone\@ops.example, late\@ops.example'\n");
change();
ok(arrives($_), "$_ gets the journal beside one that is refused") foreach 'dba@ops.example', 'late@ops.example';
trouble(qr/mailing to gone\@ops\.example: .*550 5\.1\.1 no such user here/, 'the status names the one');
change();
ok(arrives('late@ops.example'), 'the others get the next one, too');
$mail->refuse;
settings_are("lpbm.mail_from = 'c\@db.example'\n");
ok(arrives('gone@ops.example'), 'who is taken at last gets the newest');
$mail->write('box/later', '');
change();
trouble(qr/451 4\.3\.0 come back later/, 'a mail that the server puts off is told');
unlink "$mail->{box}/later";
ok(arrives('dba@ops.example'), 'and sent by and by');
healed('nothing is wrong then');

# Many changes within the interval are one mail at its end, also when nothing happens any more, also after a restart.
settings_are("lpbm.mail_to = 'dba\@ops.example'\n");
settings_are("lpbm.mail_interval = '1h'\n");
my $before = scalar $mail->mails;
change() foreach 1 .. 4;
is($source->sql('SELECT lpbm_mail_journal()'), 't', 'asked for, the journal goes at once');
is(scalar $mail->mails, $before + 1, 'and nothing else went');
ok(arrives('dba@ops.example'), 'it is the newest');
change();
$source->restart;
$source->wait_for_sql("SELECT value <> 'none' FROM lpbm_status WHERE name = 'last_mail'", 'the last mail in the status');
is(scalar $mail->mails, $before + 1, 'a restart does not repeat it, nor is the next one early');
my $name = last_name();
$source->stop;
$source->configure("lpbm.mail_interval = '1s'\n");
$source->start;
ok(arrives('dba@ops.example'), 'what was changed before a restart is mailed after it');
is(last_name(), $name, 'without another change');
is(scalar $mail->mails, $before + 2, 'once');

# A failure and its end.
my $store = $source->directory . '/store';
chmod 0500, $_ foreach glob "$store/*";
$source->sql("INSERT INTO t (v) VALUES ('y')");
my ($alarm) = $mail->wait_for_mails(1, qr/^shop problem: /);
is($alarm->{subject}, 'shop problem: delta', 'a failure is mailed');
like($alarm->{body}, qr/Permission denied/, 'with its cause');
is_deeply($alarm->{attachments}, [], 'and no attachment');
my $attempts = () = $source->log =~ /Permission denied/g;
$source->restart;
trouble(qr/Permission denied/, 'it goes on after a restart');
$source->sql("INSERT INTO t (v) VALUES ('z')");
is($source->sql('SELECT lpbm_mail_journal()'), 't', 'mails can be sent');
is(scalar $mail->mails(qr/problem: delta/), 1, 'but this failure was told');
is(scalar $mail->mails(qr/over: /), 0, 'and is not over');
chmod 0700, $_ foreach glob "$store/*";
my ($over) = $mail->wait_for_mails(1, qr/^shop over: delta/);
like($over->{body}, qr/Permission denied/, 'its end is mailed');
change();
ok(arrives('dba@ops.example'), 'the journal goes on');
is(scalar $mail->mails(qr/problem: delta/), 1, 'one mail for the failure');
is(scalar $mail->mails(qr/over: delta/), 1, 'and one for its end');

done_testing();
