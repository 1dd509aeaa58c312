#include "job/globals.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::job {
namespace {

using Words = std::vector<std::string>;

[[noreturn]] void malformed(const char* cause) {
  throw Error(ErrorKind::permanent, "reading the globals", cause);
}

// Cuts words and statements out of the text.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}
  std::vector<GlobalStatement> split() {
    while (at_ < text_.size()) step();
    if (!current_.words.empty()) malformed("the last statement has no end");
    return std::move(out_);
  }

 private:
  void step() {
    const char c = text_[at_];
    const bool line_start = at_ == 0 || text_[at_ - 1] == '\n';
    if ((c == '\\' && line_start) || text_.substr(at_).starts_with("--")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == ';') {
      ++at_;
      if (!current_.words.empty()) {
        current_.text = std::string(text_.substr(start_, at_ - start_));
        out_.push_back(std::move(current_));
      }
      current_ = {};
    } else {
      if (current_.words.empty()) start_ = at_;
      current_.words.push_back(word());
    }
  }

  std::string word() {
    const char c = text_[at_];
    if (c == '\'') return '\'' + quoted('\'', false);
    if (c == '"') return quoted('"', false);
    if ((c == 'E' || c == 'e') && at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
      ++at_;
      return '\'' + quoted('\'', true);
    }
    constexpr std::string_view stops = " \n\t\r;,()=\"'";
    const std::size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
    const std::size_t length = std::max<std::size_t>(end - at_, 1);
    std::string out(text_.substr(at_, length));
    at_ += length;
    return out;
  }

  std::string quoted(char quote, bool backslashes) {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      const bool more = at_ + 1 < text_.size();
      if (c == quote && !(more && text_[at_ + 1] == quote)) {
        ++at_;
        return out;
      }
      if ((c == quote || (backslashes && c == '\\')) && more) ++at_;
      out += text_[at_];
    }
    malformed("an unfinished quote");
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0;
  GlobalStatement current_;
  std::vector<GlobalStatement> out_;
};

bool begins(const Words& words, std::initializer_list<std::string_view> head) {
  return words.size() > head.size() && std::equal(head.begin(), head.end(), words.begin());
}

bool is_grant(const Words& words) {
  return words[0] == "GRANT" || words[0] == "REVOKE";
}

template <typename Item>
Item& named(std::vector<Item>& items, const std::string& name) {
  for (Item& item : items)
    if (item.name == name) return item;
  items.push_back({});
  items.back().name = name;
  return items.back();
}

void add(Globals& globals, GlobalStatement statement) {
  const Words& words = statement.words;
  std::string role, tablespace;
  if (begins(words, {"SET", "client_encoding", "="}))
    globals.encoding = words[3].substr(words[3].starts_with('\'') ? 1 : 0);
  else if (begins(words, {"CREATE", "ROLE"}) || begins(words, {"ALTER", "ROLE"}))
    role = words[2];
  else if (begins(words, {"CREATE", "TABLESPACE"}) || begins(words, {"ALTER", "TABLESPACE"}))
    tablespace = words[2];
  else
    role = object_of(words, "ROLE"), tablespace = object_of(words, "TABLESPACE");
  if (!role.empty()) {
    // Settings of a role in one database belong to that database.
    if (!begins(words, {"ALTER", "ROLE", role, "IN"}))
      named(globals.roles, role).statements.push_back(std::move(statement));
  } else if (!tablespace.empty()) {
    Tablespace& space = named(globals.tablespaces, tablespace);
    if (const std::string location = word_after(words, "LOCATION"); words[0] == "CREATE" && !location.empty())
      space.location = location.substr(1);
    space.statements.push_back(std::move(statement));
  } else if (is_grant(words) && !object_of(words, "PARAMETER").empty()) {
    globals.parameters.push_back(std::move(statement));
  } else if (words[0] == "GRANT" && words.size() > 3 && words[2] == "TO") {
    globals.memberships.push_back({words[1], words[3], word_after(words, "BY"), statement.text});
  }
}

}  // namespace

std::string word_after(const std::vector<std::string>& words, std::string_view keyword) {
  for (std::size_t i = words.size(); i-- > 1;)
    if (words[i - 1] == keyword) return words[i];
  return {};
}

std::string object_of(const std::vector<std::string>& words, std::string_view kind) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i)
    if (words[i] == "ON" && words[i + 1] == kind) return words[i + 2];
  return {};
}

std::vector<GlobalStatement> split_globals(std::string_view text) {
  return Splitter(text).split();
}

Globals parse_globals(std::string_view text) {
  Globals globals;
  for (GlobalStatement& statement : split_globals(text))
    if (statement.words.size() > 2) add(globals, std::move(statement));
  return globals;
}

}  // namespace lpbm::job
