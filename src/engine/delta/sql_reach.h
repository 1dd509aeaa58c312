// Whether a statement of a log that anybody may have written to reaches beyond the database: the words of statements
// that were refused at their source are in such a log, too, and a superuser would run them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lpbm::delta {

// Whether an extension (its name) may be made by who is no superuser.
using TrustedExtension = std::function<bool(const std::string&)>;

// Why `sql`, which may hold several statements, must not be run with a superuser's rights; nothing where its tokens
// show no reason. `standard_strings`: as for SqlLexer; the text is in an encoding whose ASCII bytes are ASCII.
//
// Refused are the roles' and the server's own commands, files and programs of the server, changes of who acts, code in
// other languages than those a plain user may use, SECURITY DEFINER, writing to system catalogs, and every command that
// is not known. What the body of a function does when it is called cannot be told from here.
std::optional<std::string> reach_beyond_database(std::string_view sql, bool standard_strings,
                                                 const TrustedExtension& trusted);

}  // namespace lpbm::delta
