#include "journal/journal.h"

#include "journal/line.h"
#include "unit/journal/sample.h"

namespace lpbm::journal {
namespace {

std::string refused(const std::string& text) {
  return refusal([&] { (void)Journal::parse(text); });
}

std::string refused(const std::vector<std::string>& lines) {
  return refused(text_of(lines));
}

std::vector<Entry> four_entries() {
  return {full(0, 100), delta(1, 100, 200), delta(2, 200, 300), delta(3, 300, 400)};
}

std::vector<std::string> four_lines() {
  return lines_of(journal_text(four_entries()));
}

TEST(Journal, comes_back_as_it_was_written) {
  Entry rich = with_hole(delta(7, 100, 0x1'0000'0010), 150);
  rich.rows = 12;
  rich.bytes = 1000;
  rich.stored_bytes = 500;
  rich.encoding = "LATIN1";
  rich.objects.push_back({"globals", sample_cid("g"), to_hex(codec::sha256("g")), "age", 5, 6, 3});
  const Journal journal = Journal::parse(journal_text({full(5, 100), rich}));
  EXPECT_EQ(journal.header().site, "7301234567890");
  EXPECT_EQ(journal.header().recipients, std::vector<std::string>{"age1example"});
  EXPECT_EQ(journal.header().first, 1u);
  ASSERT_EQ(journal.entries().size(), 2u);
  const Entry& f = journal.entries()[0];
  EXPECT_EQ(f.number, 1u);
  EXPECT_EQ(f.kind, Kind::full);
  EXPECT_EQ(f.anchor.value, 100u);
  EXPECT_EQ(f.snapshot, "10:20:11,12");
  EXPECT_EQ(f.reason, "the first one");
  EXPECT_EQ(f.server_version, 150018);
  const Entry& d = journal.entries()[1];
  EXPECT_EQ(d.number, 2u);
  EXPECT_EQ(d.cid, rich.cid);
  EXPECT_EQ(d.name, rich.name);
  EXPECT_EQ(d.stream, "s1");
  EXPECT_EQ(d.from.value, 100u);
  EXPECT_EQ(d.to.value, 0x1'0000'0010u);
  EXPECT_EQ(d.started, at(7));
  EXPECT_EQ(d.finished, at(7) + 500'000);
  EXPECT_EQ(d.first_commit, at(7));
  EXPECT_EQ(d.rows, 12u);
  EXPECT_EQ(d.bytes, 1000u);
  EXPECT_EQ(d.stored_bytes, 500u);
  EXPECT_EQ(d.encoding, "LATIN1");
  ASSERT_EQ(d.holes.size(), 1u);
  EXPECT_EQ(d.holes[0].lsn.value, 150u);
  EXPECT_EQ(d.holes[0].code, "output");
  ASSERT_EQ(d.objects.size(), 2u);
  EXPECT_EQ(d.objects[1].name, "globals");
  EXPECT_EQ(d.objects[1].codec, "age");
  EXPECT_EQ(d.objects[1].plain_size, 6u);
  EXPECT_EQ(d.objects[1].parts, 3u);
  EXPECT_FALSE(journal.torn());
}

TEST(Journal, an_empty_last_line_is_psqls) {
  const std::string text = journal_text(four_entries());
  EXPECT_EQ(Journal::parse(text + "\n").text(), text);
  EXPECT_NE(refused(text + "\n\n\nx"), "nothing");
  EXPECT_NE(refused(std::string("\n")), "nothing");
}

TEST(Journal, lines_have_the_form_of_the_formats_document) {
  const auto lines = four_lines();
  EXPECT_TRUE(
      lines[0].starts_with("lpbm-journal 1 {\"site\":\"7301234567890\",\"system\":\"7301234567890\",\"key\":\""));
  EXPECT_TRUE(lines[1].starts_with(full(0, 100).cid + " 2026-"));
  EXPECT_NE(lines[1].find("-full {\"entry\":1,\"kind\":\"full\",\"stream\":\"s1\""), std::string::npos);
  EXPECT_NE(lines[1].find("\"anchor\":\"0/64\""), std::string::npos);
  EXPECT_NE(lines[1].find("\"prev\":\"" + std::string(64, '0') + "\",\"sig\":\""), std::string::npos);
  EXPECT_NE(lines[2].find("\"prev\":\"" + to_hex(codec::sha256(lines[1])) + "\",\"sig\":\""), std::string::npos);
  for (const std::string& line : lines) {
    const auto sig = line.rfind(",\"sig\":\"");
    const std::string signature = line.substr(sig + 8, line.size() - sig - 10);
    EXPECT_TRUE(codec::verify(site_key().public_key, line.substr(0, sig), from_base64(signature)));
  }
}

TEST(Journal, a_flipped_byte_at_any_position_is_refused_or_makes_a_torn_tail) {
  const std::string text = journal_text({full(0, 100), delta(1, 100, 200), delta(2, 200, 300)});
  const std::size_t last_newline = text.size() - 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ (1 << i % 8));
    if (i == last_newline) {
      const Journal journal = Journal::parse(changed);
      EXPECT_TRUE(journal.torn());
      EXPECT_EQ(journal.entries().size(), 2u);
    } else {
      ASSERT_THROW((void)Journal::parse(changed), Error) << "byte " << i;
    }
  }
}

TEST(Journal, cut_at_any_position_it_is_an_earlier_journal_or_refused) {
  const std::string text = journal_text({full(0, 100), delta(1, 100, 200), delta(2, 200, 300)});
  const auto lines = lines_of(text);
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::string cut = text.substr(0, size);
    if (size < lines[0].size()) {
      ASSERT_THROW((void)Journal::parse(cut), Error) << size;
      continue;
    }
    const Journal journal = Journal::parse(cut);
    std::size_t whole = 0, end = lines[0].size();
    while (whole + 1 < lines.size() && end + 1 + lines[whole + 1].size() <= size) end += 1 + lines[++whole].size();
    ASSERT_EQ(journal.entries().size(), whole) << size;
    ASSERT_EQ(journal.torn(), size > end + 1) << size;
    ASSERT_EQ(journal.text(), text.substr(0, end + 1)) << size;
  }
}

TEST(Journal, a_missing_line_is_named) {
  auto lines = four_lines();
  lines.erase(lines.begin() + 2);
  EXPECT_EQ(refused(lines), "line 3: entry 2 is missing before it");
  lines.erase(lines.begin() + 2);
  EXPECT_EQ(refused(lines), "line 3: entries 2 to 3 are missing before it");
  lines.erase(lines.begin() + 1);
  EXPECT_EQ(refused(lines), "line 2: entries 1 to 3 are missing before it");
}

TEST(Journal, a_doubled_line_is_named) {
  auto lines = four_lines();
  lines.insert(lines.begin() + 3, lines[2]);
  EXPECT_EQ(refused(lines), "line 4: entry 2 stands here once more");
}

TEST(Journal, exchanged_lines_are_named) {
  auto lines = four_lines();
  std::swap(lines[2], lines[3]);
  EXPECT_EQ(refused(lines), "line 3: entry 2 is missing before it");
}

TEST(Journal, a_line_cut_in_the_middle_of_the_journal_is_named) {
  auto lines = four_lines();
  lines[2].resize(lines[2].size() / 2);
  EXPECT_EQ(refused(lines), "line 3: it does not end with a signature");
}

TEST(Journal, a_changed_line_is_named_even_when_only_its_hash_tells) {
  auto lines = four_lines();
  const auto rows = lines[2].find("\"rows\":0");
  lines[2].replace(rows, 8, "\"rows\":7");
  EXPECT_EQ(refused(lines), "line 3: its signature is wrong: it was changed, or it is of another site");
  lines.resize(3);
  EXPECT_EQ(refused(lines), "line 3: its signature is wrong: it was changed, or it is of another site");
}

TEST(Journal, a_line_of_another_site_is_named) {
  auto lines = four_lines();
  lines[2] = lines_of(journal_text(four_entries(), other_key()))[2];
  EXPECT_EQ(refused(lines), "line 3: its signature is wrong: it was changed, or it is of another site");
  lines = four_lines();
  lines[4] = lines_of(journal_text(four_entries(), other_key()))[4];
  EXPECT_EQ(refused(lines), "line 5: its signature is wrong: it was changed, or it is of another site");
}

TEST(Journal, a_header_of_another_site_does_not_fit_the_entries) {
  auto lines = four_lines();
  lines[0] = lines_of(journal_text({}, other_key()))[0];
  EXPECT_EQ(refused(lines), "line 5: its signature is wrong: it was changed, or it is of another site");
}

TEST(Journal, another_continuation_of_the_same_journal_is_refused) {
  auto lines = four_lines();
  auto others = four_entries();
  others[1].rows = 99;
  lines[3] = lines_of(journal_text(others))[3];
  EXPECT_EQ(refused(lines), "line 4: it does not follow the line before it");
}

TEST(Journal, a_header_whose_first_entry_was_moved_is_refused) {
  auto lines = four_lines();
  Header header = sample_header();
  header.first = 2;
  lines[0] = format_header(header, no_line(), site_key());
  EXPECT_EQ(refused(lines), "line 2: entry 1 stands here once more");
  lines.erase(lines.begin() + 1);
  EXPECT_EQ(refused(lines), "line 2: it does not follow the line before it");
}

TEST(Journal, what_is_no_journal_is_said_to_be_none) {
  EXPECT_EQ(refused(std::string()), "it is empty");
  EXPECT_EQ(refused(std::string("hello\n")), "line 1: it is not the header of a journal");
  EXPECT_EQ(refused(std::string("lpbm-journal 2 {}\n")), "line 1: version 2 of the format is not known here");
  auto lines = four_lines();
  lines.insert(lines.begin() + 2, "");
  EXPECT_EQ(refused(lines), "line 3: it is not an entry");
  lines = four_lines();
  lines.erase(lines.begin());
  EXPECT_EQ(refused(lines), "line 1: it is not the header of a journal");
}

TEST(Journal, values_that_cannot_be_are_refused_before_they_are_written) {
  const auto cause = [](auto change) {
    Entry entry = delta(1, 100, 200);
    change(entry);
    return refusal([&] { journal_text({entry}); });
  };
  EXPECT_EQ(cause([](Entry& e) { e.cid = "hello"; }), "it does not begin with a CID");
  EXPECT_EQ(cause([](Entry& e) { e.name = "2026-11-21-delta"; }), "its name is not a time and the entry's kind");
  EXPECT_EQ(cause([](Entry& e) { e.name = full(1, 1).name; }), "its name is not a time and the entry's kind");
  EXPECT_EQ(cause([](Entry& e) { e.from = {300}; }), "it ends before it begins");
  EXPECT_EQ(cause([](Entry& e) { e.objects.clear(); }), "none of its objects has the entry's CID");
  EXPECT_EQ(cause([](Entry& e) { e.objects[0].parts = 0; }), "its member \"parts\" has a value that cannot be");
  EXPECT_EQ(cause([](Entry& e) { e.objects[0].sha256 = "00"; }), "its member \"sha256\" has a value that cannot be");
}

TEST(Journal, text_that_is_no_utf8_does_not_spoil_a_line) {
  Entry entry = with_hole(delta(1, 100, 200), 150);
  entry.holes[0].detail = "caf\xe9";
  EXPECT_EQ(Journal::parse(journal_text({entry})).entries()[0].holes[0].detail, "caf\xef\xbf\xbd");
}

TEST(Journal, is_proved_by_the_signer_that_was_given) {
  const Journal journal = Journal::parse(journal_text(four_entries()));
  EXPECT_EQ(journal.authenticate(to_base64(site_key().public_key), "").verified_by, "signer");
  EXPECT_EQ(journal.authenticate("", "").verified_by, "");
  EXPECT_EQ(journal.authenticate("", "secret").verified_by, "");
  EXPECT_EQ(
      refusal([&] { (void)journal.authenticate(to_base64(other_key().public_key), ""); }),
      "it is signed by the key " + to_base64(site_key().public_key) + ", not by " + to_base64(other_key().public_key));
}

TEST(Journal, is_proved_by_the_secret_that_its_header_was_made_with) {
  Header header = sample_header();
  header.identity = "-----BEGIN AGE ENCRYPTED FILE-----\n";
  header.mac = header_mac(header, "AGE-SECRET-KEY-1");
  const Journal journal = Journal::parse(format_header(header, no_line(), site_key()) + '\n');
  EXPECT_EQ(journal.header().identity, header.identity);
  EXPECT_EQ(journal.authenticate("", "AGE-SECRET-KEY-1").verified_by, "passphrase");
  EXPECT_EQ(journal.authenticate("", "").verified_by, "");
  EXPECT_EQ(refusal([&] { (void)journal.authenticate("", "AGE-SECRET-KEY-2"); }),
            "its header was not made with this passphrase or identity");
}

TEST(Journal, a_forged_header_with_a_key_of_its_own_fails_the_secret) {
  Header header = sample_header();
  header.mac = header_mac(header, "AGE-SECRET-KEY-1");
  header.key = to_base64(other_key().public_key);
  const Journal journal = Journal::parse(format_header(header, no_line(), other_key()) + '\n');
  EXPECT_THROW((void)journal.authenticate("", "AGE-SECRET-KEY-1"), Error);
}

TEST(Journal, the_mac_covers_each_field_of_the_header_it_should) {
  const Header header = sample_header();
  const std::string mac = header_mac(header, "secret");
  const auto changed = [&](auto change) {
    Header other = header;
    change(other);
    return header_mac(other, "secret") != mac;
  };
  EXPECT_TRUE(changed([](Header& h) { h.site += "x"; }));
  EXPECT_TRUE(changed([](Header& h) { h.system += "x"; }));
  EXPECT_TRUE(changed([](Header& h) { h.key += "x"; }));
  EXPECT_TRUE(changed([](Header& h) { h.created += 1; }));
  EXPECT_TRUE(changed([](Header& h) { h.recipients.push_back("x"); }));
  EXPECT_FALSE(changed([](Header& h) { h.first = 5; }));
}

}  // namespace
}  // namespace lpbm::journal
