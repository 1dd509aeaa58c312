# A full disk under lpbm.directory is told by mail, once, although nothing new can be kept there. Needs a small file system
# (LPBM_SMALL_DIRECTORY), which scripts/test mounts.
use strict;
use warnings;

use Lpbm::Mail;
use Lpbm::Test;
use Test::More;

my $small = $ENV{LPBM_SMALL_DIRECTORY};
plan skip_all => 'no small file system could be mounted' if !$small;

my $mail   = Lpbm::Mail->start;
my $source = Lpbm::Test->backed_up('source', conf => $mail->settings . "lpbm.directory = '$small/mailing'\nlpbm.site = 'shop'\n");
{
	no warnings 'redefine';
	*Lpbm::Test::directory = sub { return "$small/mailing" };
}
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->wait_for_first_full;
$mail->wait_for_mails(1, qr/^shop \S+-full$/);
$source->wait_for_sql("SELECT value <> 'none' FROM lpbm_status WHERE name = 'last_mail'", 'the mail to be noted');

open my $file, '>', "$small/filler" or die $!;
1 while syswrite($file, 'x' x 4096);
close $file;
$source->sql("INSERT INTO t SELECT i, md5(random()::text) FROM generate_series(1, 20000) i");
my ($alarm) = $mail->wait_for_mails(1, qr/problem: /);
like($alarm->{body}, qr/No space left on device/, 'the full disk is told by mail');
# More jobs that fail, and more mails than one with the state as it is: none is repeated.
$source->sql('SELECT lpbm_mail_journal()') foreach 1 .. 3;
unlink "$small/filler";
wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 120);
ok(wait_for('no problem', sub { $source->status('problem') eq '' }), 'and it is over');
sub told { my ($what) = @_; return sort map { $_->{subject} =~ s/$what: //r } $mail->mails(qr/$what: /) }
ok(wait_for('the end of each', sub { join(',', told('over')) eq join(',', told('problem')) }), 'which is told, too');
my %told;
$told{$_}++ foreach told('problem');
is(join(', ', grep { $told{$_} > 1 } sort keys %told), '', 'no trouble is told twice');
my ($last) = reverse $source->entries;
ok(scalar($mail->wait_for_mails(1, qr/ \Q$last->{name}\E$/)), 'the journal goes on');
$source->stop;

done_testing();
