# The journal by mail: through STARTTLS and a login, SMTPS, and in the clear; and a database that comes back from a mail.
use strict;
use warnings;
use utf8;

use Lpbm::Mail;
use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $password = 'p4ss of the mail server';
my $mail     = Lpbm::Mail->start(tls => 'starttls', user => 'backup', password => $password);
my $conf     = $mail->settings(to => 'dba@ops.example, "On call, Jörg" <oncall@ops.example>') . <<'END';
lpbm.site = 'shop-1'
lpbm.mail_from = 'Datensicherung für alle <lpbm@db.example>'
lpbm.mail_subject_prefix = '[Übung, für die Bereitschaft des Rechenzentrums in Köln und anderswo]'
END
utf8::encode($conf);
my $source = Lpbm::Test->backed_up('source', conf => $conf);
$source->sql('CREATE TABLE t (id serial PRIMARY KEY, v text)');
$source->wait_for_first_full;

# One message for each recipient, as a mail program sees it.
my ($first, $second) = $mail->wait_for_mails(2);
my ($full) = $source->entries('full');
is($first->{subject}, '[Übung, für die Bereitschaft des Rechenzentrums in Köln und anderswo] shop-1 ' . $full->{name},
	'subject: prefix, site and entry');
is_deeply([ sort map { @{ $_->{envelope}{to} } } $first, $second ], [ 'dba@ops.example', 'oncall@ops.example' ],
	'each recipient gets one');
is_deeply($first->{to}, [ [ '', 'dba@ops.example' ], [ 'On call, Jörg', 'oncall@ops.example' ] ], 'both stand in it');
is_deeply($first->{from}, [ [ 'Datensicherung für alle', 'lpbm@db.example' ] ], 'so does the sender');
is($first->{id}, $second->{id}, 'it is the same message');
is_deeply($first->{defects}, [], 'without defects');
is_deeply($first->{headers},
	[qw(auto-submitted content-type date from message-id mime-version subject to)], 'with these fields and no others');
ok($first->{envelope}{tls} && $first->{envelope}{login} eq 'backup', 'encrypted and logged in');
cmp_ok(abs($first->{date} - time), '<', 3600, 'with a date');
like($first->{body}, qr/^\d+ +full +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC .*\Q$full->{cid}\E$/m, 'the newest entry can be read');
like($first->{body}, qr/WARNING: it lies on the server itself/, 'it warns of a store that dies with the server');
my $signer = $source->sql("SELECT value FROM lpbm_status WHERE name = 'signer'");
like($first->{body}, qr/signed by \Q$signer\E/, 'it names the key of the signatures');
is(scalar @{ $first->{attachments} }, 1, 'one attachment');
is($first->{attachments}[0]{name}, 'shop-1.journal', 'the journal');

# As the mail says, in a directory that holds the attachment and nothing else of the server.
sub restore_by_mail
{
	my ($message, $name) = @_;
	my $target = Lpbm::Test->bare($name);
	my $dir    = PostgreSQL::Test::Utils::tempdir();
	my $file   = $message->{attachments}[0];
	system('cp', $file->{path}, "$dir/$file->{name}") == 0 or die 'cp';
	my ($command) = $message->{body} =~ /^  (lpbm restore .*)$/m;
	$command =~ s{PASSPHRASE}{$source->{passphrase_file}};
	my ($host, $port) = ($target->node->host, $target->node->port);
	$command =~ s{host=HOST port=PORT user=postgres}{host=$host port=$port};
	note($command);
	my $out = qx{cd '$dir' && $ENV{LPBM_BINDIR}/$command --bindir '$ENV{LPBM_BINDIR}' 2>&1};
	is($?, 0, "$name: the command of the mail restores") or diag($out);
	my ($list) = $message->{body} =~ /^  (lpbm list .*)$/m;
	$out = qx{cd '$dir' && $ENV{LPBM_BINDIR}/$list 2>&1};
	is($?, 0, "$name: and lists its entries") or diag($out);
	return $target;
}

# A mail that holds the journal as the file is now.
sub newest_journal
{
	my ($to) = @_;
	my $found;
	wait_for('the mail with the last entry', sub {
		my ($last) = reverse $source->entries;
		($found) = reverse grep { $_->{envelope}{to}[0] eq $to } $mail->mails(qr/ \Q$last->{name}\E$/);
	}, 60);
	return $found;
}

$source->sql("INSERT INTO t (v) SELECT 'row ' || i FROM generate_series(1, 500) i");
$source->sql("UPDATE t SET v = v || ' changed' WHERE id % 3 = 0; DELETE FROM t WHERE id % 10 = 0");
$source->backed_up_to_now;
my $small = newest_journal('oncall@ops.example');
is(Lpbm::Test::slurp($small->{attachments}[0]{path}), Lpbm::Test::slurp($source->directory . '/journal'),
	'the attachment is the journal, byte for byte');
same($source, restore_by_mail($small, 'from_small'), 'restored from the mail alone, and the same');

# A longer journal is compressed, and serves as it is.
for my $i (1 .. 60) { $source->sql("INSERT INTO t (v) VALUES ('single $i')"); $source->backed_up_to_now }
my $large = newest_journal('dba@ops.example');
is($large->{attachments}[0]{name}, 'shop-1.journal.zst', 'a long journal is compressed');
is(qx{zstd -dqc '$large->{attachments}[0]{path}'}, Lpbm::Test::slurp($source->directory . '/journal'), 'losing nothing');
same($source, restore_by_mail($large, 'from_large'), 'restored from it, and the same');
my $cut = $large->{attachments}[0]{path} . '-cut';
system("head -c 2000 '$large->{attachments}[0]{path}' > '$cut'") == 0 or die 'head';
lpbm_fails([ 'list', '--journal', $cut ], 1, qr/compressed data ends in the middle.*hint: .*attachment/s, 'a cut one is refused');

# Other ways to a mail server; lpbm_mail_journal() sends at once, whether or not the journal has changed.
foreach my $tls ('smtps', 'none')
{
	my $other = Lpbm::Mail->start(tls => $tls, $tls eq 'smtps' ? (user => 'u@host.example', password => $password) : ());
	$source->configure("lpbm.smtp_user = ''\n" . $other->settings . "lpbm.mail_from = ''\nlpbm.mail_subject_prefix = ''\n");
	$source->reload;
	wait_for("the settings for $tls", sub { $source->sql('SHOW lpbm.smtp_url') =~ /\Q$other->{port}\E/ });
	is($source->sql('SELECT lpbm_mail_journal()'), 't', "$tls: the function says that it was mailed");
	my ($last) = $other->wait_for_mails(1);
	is(!!$last->{envelope}{tls}, $tls eq 'smtps', "$tls: encrypted or not");
	is_deeply($last->{from}, [ [ '', 'u@host.example' ] ], "$tls: a user that is an address is the sender") if $tls eq 'smtps';
	like($last->{from}[0][1], qr/^lpbm@/, "$tls: else lpbm is") if $tls eq 'none';
	like($last->{subject}, qr/^shop-1 \S+-delta$/, "$tls: without a prefix");
}

# Nothing secret left the server.
my $said = join "\n", $source->log, (map { Lpbm::Test::slurp($_) } glob($source->data . '/log/*.csv'), $source->directory . '/mail'),
  $source->sql('SELECT * FROM lpbm_status'), map { Lpbm::Test::slurp($_->{file}) . $_->{body} } $mail->mails;
unlike($said, qr/\Q$password\E|\Q$PASSPHRASE\E/, 'no password stands in mails, logs or states');
is($source->status('problem'), '', 'and nothing is wrong');

done_testing();
