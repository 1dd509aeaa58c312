// Sample journals for the tests of this folder.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "codec/cid.h"
#include "codec/crypto.h"
#include "journal/journal.h"

namespace lpbm::journal {

// A directory that goes with the test.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "lpbm-test-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

inline const codec::SigningKey& site_key() {
  static const codec::SigningKey key = codec::signing_key(std::string(32, 'k'));
  return key;
}

inline const codec::SigningKey& other_key() {
  static const codec::SigningKey key = codec::signing_key(std::string(32, 'o'));
  return key;
}

inline Header sample_header(const codec::SigningKey& key = site_key()) {
  Header header;
  header.site = "7301234567890";
  header.system = "7301234567890";
  header.key = to_base64(key.public_key);
  header.created = 1'795'000'000'000'000;
  header.recipients = {"age1example"};
  return header;
}

inline std::string sample_cid(const std::string& content) {
  codec::CidHasher hasher;
  hasher.write(content);
  hasher.finish();
  return codec::cid_text(hasher.root().cid);
}

constexpr Micros first_second = 1'795'000'000'000'000;

inline Micros at(int second) {
  return first_second + second * Micros{1'000'000};
}

// Entries at second `second`; each with one object.
inline Entry sample_entry(Kind kind, int second, Lsn from, Lsn to, const std::string& stream) {
  Entry entry;
  entry.kind = kind;
  entry.name = to_iso(at(second)) + (kind == Kind::full ? "-full" : "-delta");
  entry.stream = stream;
  entry.from = from;
  entry.to = to;
  entry.started = at(second);
  entry.finished = at(second) + 500'000;
  entry.encoding = "UTF8";
  entry.server_version = 150018;
  Object object;
  object.name = kind == Kind::full ? "manifest" : "script";
  object.cid = sample_cid(entry.name + stream);
  object.sha256 = to_hex(codec::sha256(entry.name));
  object.codec = "age+zstd";
  object.size = 10;
  object.plain_size = 20;
  entry.cid = object.cid;
  entry.objects = {object};
  return entry;
}

inline Entry full(int second, std::uint64_t anchor, const std::string& stream = "s1") {
  Entry entry = sample_entry(Kind::full, second, {anchor}, {anchor}, stream);
  entry.anchor = {anchor};
  entry.snapshot = "10:20:11,12";
  entry.last_commit = entry.started;
  entry.reason = "the first one";
  return entry;
}

inline Entry delta(int second, std::uint64_t from, std::uint64_t to, const std::string& stream = "s1") {
  Entry entry = sample_entry(Kind::delta, second, {from}, {to}, stream);
  entry.first_commit = entry.last_commit = entry.started;
  entry.transactions = 1;
  return entry;
}

inline Entry with_hole(Entry entry, std::uint64_t lsn) {
  entry.holes.push_back({{lsn}, "output", "the output function raised"});
  return entry;
}

// The text of a journal with these entries.
inline std::string journal_text(std::vector<Entry> entries, const codec::SigningKey& key = site_key()) {
  const Directory directory;
  JournalFile file(directory.path / "journal");
  file.create(sample_header(key), key);
  for (Entry& entry : entries) file.append(entry, key);
  return read_file(directory.path / "journal");
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    out.push_back(text.substr(begin, end - begin));
  return out;
}

inline std::string text_of(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + '\n';
  return out;
}

// The cause of the Error (permanent) that `call` throws, or "nothing".
template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    return error.cause();
  }
  return "nothing";
}

}  // namespace lpbm::journal
