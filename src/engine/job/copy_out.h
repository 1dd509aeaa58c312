// COPY ... TO STDOUT, line by line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "postgres/connection.h"

namespace lpbm::job {

// What could not be read, as server errors are (postgres/connection.h): not a failure of where it was to be written.
class ReadError : public Error {
 public:
  using Error::Error;
  explicit ReadError(const Error& error) : Error(error) {}
};

// Hands on each line without its newline, valid during the call; memory is that of one line. Throws ReadError, and what
// `line` throws.
void copy_out(postgres::Connection& connection, const std::string& sql, const std::string& what,
              const std::function<void(std::string_view)>& line);

// Appends the bytes of a field of such a line.
void unescape_field(std::string_view field, std::string& out);

}  // namespace lpbm::job
