# All encodings that a server can have: names and values of the backed-up database come back as they are.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

# encoding => bytes of a word in it
my %words = (
	LATIN1    => "gl\xfccklich", LATIN9 => "\xa4uro", WIN1252 => "\x80uro\x93", EUC_JP => "\xc6\xfc\xcb\xdc",
	SQL_ASCII => "\xff\xfe any bytes \x80", KOI8R => "\xd0\xd2\xc9", EUC_KR => "\xc7\xd1", WIN1251 => "\xef\xf0\xe8",
);
my @encodings = $ENV{LPBM_ALL_ENCODINGS} ? sort keys %words : qw(LATIN1 SQL_ASCII EUC_JP);
foreach my $encoding (@encodings)
{
	my $source = Lpbm::Test->backed_up("source_$encoding", initdb => [ '-E', $encoding, '--locale=C' ]);
	my $word   = $words{$encoding};
	$source->wait_for_first_full;
	$source->backed_up_to_now;
	$source->sql("SET client_encoding = '$encoding'; CREATE TABLE \"t $word\" (id int PRIMARY KEY, \"c $word\" text);\n"
		. "INSERT INTO \"t $word\" VALUES (1, '$word'), (2, E'$word\\n\\t\\\\');\n"
		. "UPDATE \"t $word\" SET \"c $word\" = \"c $word\" || '$word' WHERE id = 2;\n"
		. "COMMENT ON TABLE \"t $word\" IS '$word'");
	$source->backed_up_to_now;
	$source->fulls_are([qr/./], "$encoding: came by deltas");
	my $target = $source->vault->restore("target_$encoding", initdb => [ '-E', 'UTF8', '--locale=C' ]);
	is($target->sql('SHOW server_encoding'), $encoding, "$encoding: the restored database has the encoding of the source");
	same($source, $target, "$encoding: the same");
	$source->stop('immediate');
	$target->stop('immediate');
}

done_testing();
