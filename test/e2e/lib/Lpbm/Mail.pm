# A real mail server (aiosmtpd) for tests, and the mails that it has taken.
#     my $mail = Lpbm::Mail->start(tls => 'starttls', user => 'backup', password => '...');
#     $source->configure($mail->settings);
#     my ($first) = $mail->wait_for(1);            # parsed by Python's email package
package Lpbm::Mail;

use strict;
use warnings;

use IPC::Run;
use JSON::PP ();
use Lpbm::Test;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $lib = __FILE__ =~ s{/Lpbm/Mail\.pm$}{}r;

# options: tls (none, starttls, smtps), user and password, certificate => 0 (the server's certificate is not trusted).
sub start
{
	my ($class, %options) = @_;
	my $root = PostgreSQL::Test::Utils::tempdir('mail');
	my $self = bless {
		tls  => 'starttls',
		port => PostgreSQL::Test::Cluster::get_free_port(),
		root => $root,
		box  => "$root/box",
		%options
	}, $class;
	mkdir $self->{box};
	system('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
		'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', "$root/key", '-out', "$root/certificate") == 0
	  or die 'openssl req';
	$self->write('password', $self->{password}, 0600) if defined $self->{password};
	$self->run;
	return $self;
}

sub write
{
	my ($self, $name, $text, $mode) = @_;
	open my $file, '>', "$self->{root}/$name" or die $!;
	chmod $mode // 0644, "$self->{root}/$name";
	print $file "$text\n";
	close $file;
	return;
}

# Also after stop(): at the same port, with the mails that are there.
sub run
{
	my ($self) = @_;
	my @login = defined $self->{user} ? ($self->{user}, $self->{password}) : ();
	unlink "$self->{box}/ready";
	$self->{harness} = IPC::Run::start(
		[ '/usr/bin/python3', "$lib/smtp_server.py", $self->{box}, $self->{port}, $self->{tls}, "$self->{root}/certificate",
			"$self->{root}/key", @login ], '<', \undef, '>&', "$self->{root}/output");
	wait_for('the mail server', sub { -e "$self->{box}/ready" }) or die Lpbm::Test::slurp("$self->{root}/output");
	return;
}

sub stop { my ($self) = @_; $self->{harness}->signal('TERM'); $self->{harness}->finish; delete $self->{harness}; return }

# Lines for postgresql.conf.
sub settings
{
	my ($self, %options) = @_;
	my $scheme = $self->{tls} eq 'smtps' ? 'smtps' : 'smtp';
	my $text   = "lpbm.smtp_url = '$scheme://localhost:$self->{port}'\nlpbm.mail_from = 'lpbm\@db.example'\n";
	$text .= "lpbm.mail_to = '" . ($options{to} // 'dba@ops.example') . "'\n";
	$text .= "lpbm.mail_interval = '" . ($options{interval} // '1s') . "'\n";
	$text .= "lpbm.smtp_tls = off\n" if $self->{tls} eq 'none';
	$text .= "lpbm.smtp_ca_file = '$self->{root}/certificate'\n" if $self->{certificate} // 1;
	$text .= "lpbm.smtp_user = '$self->{user}'\nlpbm.smtp_password_file = '$self->{root}/password'\n" if defined $self->{user};
	return $text;
}

# What the server's own log says.
sub log { my ($self) = @_; return -e "$self->{box}/log" ? Lpbm::Test::slurp("$self->{box}/log") : '' }

# Recipients that are refused from now on.
sub refuse { my ($self, @addresses) = @_; $self->write('box/refused', join ' ', @addresses); return }

sub parse
{
	my ($json, $eml) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ '/usr/bin/python3', "$lib/read_mail.py", $eml ], '>', \$out, '2>', \$err) or die $err;
	my $mail = JSON::PP::decode_json($out);
	$mail->{envelope} = JSON::PP::decode_json(Lpbm::Test::slurp($json));
	$mail->{file}     = $eml;
	return $mail;
}

# All mails so far, or those whose subject matches, in the order in which they came.
sub mails
{
	my ($self, $subject) = @_;
	my @mails;
	foreach my $json (sort glob "$self->{box}/*.json")
	{
		my $eml = $json =~ s/json$/eml/r;
		$self->{parsed}{$eml} //= parse($json, $eml);
		push @mails, $self->{parsed}{$eml};
	}
	return grep { !defined $subject || $_->{subject} =~ $subject } @mails;
}

# Waits for so many (that match).
sub wait_for_mails
{
	my ($self, $count, $subject) = @_;
	wait_for("$count mails" . (defined $subject ? " $subject" : ''), sub { scalar($self->mails($subject)) >= $count }, 60)
	  or diag("there are: " . join(' | ', map { $_->{subject} } $self->mails) . "\n" . $self->log);
	return $self->mails($subject);
}

sub DESTROY { my ($self) = @_; $self->{harness}->kill_kill if $self->{harness}; return }

1;
