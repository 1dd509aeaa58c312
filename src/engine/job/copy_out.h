// COPY ... TO STDOUT, line by line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "postgres/connection.h"

namespace lpbm::job {

// Hands on each line without its newline, valid during the call; memory is that of one line. Throws Error as server
// errors are (postgres/connection.h).
void copy_out(postgres::Connection& connection, const std::string& sql, const std::string& what,
              const std::function<void(std::string_view)>& line);

// Appends the bytes of a field of such a line.
void unescape_field(std::string_view field, std::string& out);

}  // namespace lpbm::job
