# Who may do what: functions for superusers and members of lpbm_admin, views for pg_monitor too, nothing for others.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->wait_for_first_full;
$source->sql('CREATE ROLE ordinary LOGIN; CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor; CREATE ROLE admin LOGIN; GRANT lpbm_admin TO admin');

my %calls = (
	'SELECT lpbm_full_backup(false)'         => 'admin',
	'SELECT lpbm_delta()'                    => 'admin',
	'SELECT lpbm_journal()'                  => 'admin',
	'SELECT lpbm_pause()'                    => 'admin',
	'SELECT lpbm_resume()'                   => 'admin',
	'SELECT * FROM lpbm_verify()'            => 'admin',
	"SELECT lpbm_restore('somewhere')"       => 'superuser',
	'SELECT count(*) FROM lpbm_entries'      => 'monitor',
	'SELECT count(*) FROM lpbm_status'       => 'monitor',
	'SELECT count(*) FROM lpbm_progress'     => 'monitor',
);
foreach my $call (sort keys %calls)
{
	my $level = $calls{$call};
	my %may = (ordinary => 0, monitor => $level eq 'monitor', admin => $level =~ /admin|monitor/ ? 1 : 0);
	foreach my $role (sort keys %may)
	{
		my ($status, undef, $err) = $source->try_sql($call, role => $role, timeout => 120);
		if ($may{$role}) { is($status, 0, "$role may: $call") or diag($err) }
		else             { like($err, qr/permission denied|must be superuser|only superusers/i, "$role may not: $call") }
	}
}

# No secret in what anybody can read, no key readable by others.
my $settings = $source->sql("SELECT string_agg(name || '=' || setting, ' ') FROM pg_settings WHERE name LIKE 'lpbm.%'");
unlike($settings, qr/\Q$PASSPHRASE\E|AGE-SECRET-KEY/, 'no secret in a setting');
unlike($source->log, qr/\Q$PASSPHRASE\E|AGE-SECRET-KEY/, 'nor in the log');
foreach my $file (glob($source->directory . '/*.key'))
{
	is((stat $file)[2] & 0777, 0600, "$file: for the server's user alone");
}
is((stat $source->directory)[2] & 0777, 0700, 'and so is the directory');

done_testing();
