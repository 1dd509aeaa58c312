// Roles, memberships and tablespaces of a backup, out of the text of `pg_dumpall --globals-only`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lpbm::job {

// One statement and its words: names unquoted, literals with a leading quote, keywords as they are written.
struct GlobalStatement {
  std::string text;
  std::vector<std::string> words;
};

struct Tablespace {
  std::string name, location;
  std::vector<GlobalStatement> statements;  // CREATE first
};

struct GlobalRole {
  std::string name;
  std::vector<GlobalStatement> statements;  // CREATE first; attributes, settings, comment, labels
};

struct Membership {
  std::string role, member, grantor, text;  // grantor: empty where the text names none
  auto operator<=>(const Membership&) const = default;
};

struct Globals {
  std::string encoding = "UTF8";  // of the text
  std::vector<GlobalRole> roles;
  std::vector<Membership> memberships;
  std::vector<Tablespace> tablespaces;
  std::vector<GlobalStatement> parameters;  // GRANT ... ON PARAMETER; the grantee is the last name after TO
};

// Splits the text of pg_dumpall into statements: quotes, comments and psql's backslash lines are known. Throws Error
// (permanent) for an unfinished quote or a statement without its semicolon.
std::vector<GlobalStatement> split_globals(std::string_view text);
// Throws Error (permanent) as split_globals; statements of other kinds are passed over.
Globals parse_globals(std::string_view text);

// The word behind the last `keyword`; empty: none.
std::string word_after(const std::vector<std::string>& words, std::string_view keyword);
// The object of `... ON <kind> name ...`: COMMENT ON ROLE x, SECURITY LABEL FOR p ON ROLE x, GRANT c ON TABLESPACE x.
// Empty: none.
std::string object_of(const std::vector<std::string>& words, std::string_view kind);

}  // namespace lpbm::job
