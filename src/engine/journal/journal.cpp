#include "journal/journal.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/error.h"
#include "journal/line.h"

namespace lpbm::journal {
namespace {

constexpr const char* step = "reading the journal";
constexpr const char* broken_hint =
    "Use an unchanged copy of it: the file of the server, the extension's table, or a mail of this site.";

[[noreturn]] void refuse(std::size_t line, const std::string& cause, const std::string& hint = broken_hint) {
  throw Error(ErrorKind::permanent, step, "line " + std::to_string(line) + ": " + cause, hint);
}

std::string range(std::uint64_t from, std::uint64_t to) {
  return from == to ? "entry " + std::to_string(from) + " is missing"
                    : "entries " + std::to_string(from) + " to " + std::to_string(to) + " are missing";
}

// Checks one line after the other. Since each line holds the hash of the one before, the signature of the last line
// proves all of them; the others are looked at only to say which line is the wrong one.
class Reader {
 public:
  void header(const std::string& line) {
    ++number_;
    try {
      head_ = parse_header(line);
    } catch (const Error& error) {
      refuse(number_, error.cause(), error.hint().empty() ? broken_hint : error.hint());
    }
    if (!signature_is_right(line, head_.header.key)) refuse(number_, "its signature is wrong: the header was changed");
    prev_ = head_.prev;
    next_ = head_.header.first;
  }

  // False, and nothing done, when the line is not the next one.
  bool accept_last(const std::string& line) {
    try {
      entry(line);
      finish();
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  void entry(const std::string& line) {
    ++number_;
    EntryLine in;
    try {
      in = parse_entry(line);
    } catch (const Error& error) {
      refuse(number_, error.cause());
    }
    if (in.entry.number != next_ || in.prev != prev_) explain(line, in);
    prev_ = line_hash(line);
    ++next_;
    last_ = line;
    entries.push_back(std::move(in.entry));
  }

  void finish() const {
    if (!last_.empty()) check_signature(last_, number_);
  }

  [[nodiscard]] const Header& head() const { return head_.header; }
  std::vector<Entry> entries;

 private:
  void check_signature(const std::string& line, std::size_t number) const {
    if (!signature_is_right(line, head_.header.key))
      refuse(number, "its signature is wrong: it was changed, or it is of another site");
  }

  [[noreturn]] void explain(const std::string& line, const EntryLine& in) const {
    check_signature(line, number_);
    if (!last_.empty()) check_signature(last_, number_ - 1);
    const std::uint64_t found = in.entry.number;
    if (found > next_) refuse(number_, range(next_, found - 1) + " before it");
    if (found < next_) refuse(number_, "entry " + std::to_string(found) + " stands here once more");
    refuse(number_, "it does not follow the line before it");
  }

  HeaderLine head_;
  std::size_t number_ = 0;
  std::uint64_t next_ = 0;
  std::string prev_, last_;
};

}  // namespace

Journal Journal::parse(const std::string& text) {
  if (text.empty()) throw Error(ErrorKind::permanent, step, "it is empty", broken_hint);
  Journal out;
  Reader reader;
  std::size_t at = 0;
  bool first = true;
  for (;;) {
    const auto end = text.find('\n', at);
    if (end == std::string::npos) break;
    const std::string line = text.substr(at, end - at);
    // psql ends what it prints of lpbm_journal() by a newline of its own.
    if (line.empty() && !first && end + 1 == text.size()) return parse(text.substr(0, at));
    first ? reader.header(line) : reader.entry(line);
    first = false;
    at = end + 1;
  }
  reader.finish();
  out.text_ = text.substr(0, at);
  if (at < text.size()) {
    const std::string rest = text.substr(at);
    // Only the newline is missing: it was lost on the way here, and the line proves itself.
    if (first) {
      reader.header(rest);
      out.text_ = rest + '\n';
    } else {
      Reader probe = reader;
      if (probe.accept_last(rest)) {
        reader = std::move(probe);
        out.text_ += rest + '\n';
      } else {
        out.torn_ = true;
      }
    }
  }
  out.header_ = reader.head();
  out.entries_ = std::move(reader.entries);
  name_databases(out.entries_);
  return out;
}

const Header& Journal::header() const {
  return header_;
}

const std::vector<Entry>& Journal::entries() const {
  return entries_;
}

const std::string& Journal::text() const {
  return text_;
}

bool Journal::torn() const {
  return torn_;
}

Trust Journal::authenticate(const std::string& signer, const std::string& identity_secret) const {
  Trust out;
  if (!signer.empty() && signer != header_.key)
    throw Error(ErrorKind::permanent, "authenticating the journal",
                "it is signed by the key " + header_.key + ", not by " + signer,
                "It is of another site, or not genuine: get the journal that belongs to this key.");
  if (!identity_secret.empty() && !header_.mac.empty()) {
    if (!codec::equal_constant_time(header_mac(header_, identity_secret), header_.mac))
      throw Error(ErrorKind::permanent, "authenticating the journal",
                  "its header was not made with this passphrase or identity",
                  "It is of another site, or not genuine: get the journal that belongs to this secret.");
    out.verified_by = "passphrase";
  }
  if (!signer.empty()) out.verified_by = "signer";
  return out;
}

std::string header_mac(const Header& header, const std::string& identity_secret) {
  nlohmann::ordered_json members;
  members["site"] = header.site;
  members["system"] = header.system;
  members["key"] = header.key;
  members["created"] = header.created;
  members["recipients"] = header.recipients;
  const std::string text = members.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string key = codec::hkdf_sha256(identity_secret, "", "lpbm journal", 32);
  return to_hex(codec::hmac_sha256(key, text));
}

}  // namespace lpbm::journal
