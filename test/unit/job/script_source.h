// Hand-written scripts of deltas for the tests of replay.
#pragma once

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <utility>

#include "base/stream.h"

namespace lpbm::test {

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = text_.copy(buffer, std::min<std::size_t>(size, 1000), at_);
    at_ += got;
    return got;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// Builds a script as docs/formats.md describes it.
class Script {
 public:
  explicit Script(const std::string& settings = "") {
    text_ = "-- lpbm delta 1\n-- {\"encoding\":\"UTF8\"}\nSET client_encoding = 'UTF8';\n" + settings;
  }
  // A transaction with these lines; its LSN is 0/<number>, its commit time `number` seconds.
  Script& tx(unsigned number, const std::string& lines) {
    mark(number, 700 + number);
    text_ += "BEGIN;\n" + lines + "COMMIT;\n";
    return *this;
  }
  Script& sequences(unsigned number, const std::string& lines) {
    mark(number, 0);
    text_ += "BEGIN;\n" + lines + "COMMIT;\n";
    return *this;
  }
  Script& concurrently(unsigned number, const std::string& ddl) {
    mark(number, 700 + number);
    text_ += ddl;
    return *this;
  }
  // A transaction that was not recorded whole.
  Script& hole(unsigned number, const std::string& lines) {
    mark(number, 700 + number);
    text_ += "BEGIN;\n" + lines + "-- lpbm:hole poison not\\tread\nROLLBACK;\nDO 'BEGIN RAISE ''hole''; END';\n";
    return *this;
  }
  [[nodiscard]] std::string text() const {
    return text_ + "-- lpbm:end " + std::to_string(transactions_) + " " + std::to_string(rows()) + "\n";
  }

 private:
  void mark(unsigned number, unsigned xid) {
    char lsn[32];
    std::snprintf(lsn, sizeof lsn, "0/%X", number);
    text_ +=
        "-- lpbm:tx " + std::string(lsn) + " " + std::to_string(xid) + " " + std::to_string(number * 1000000) + "\n";
    ++transactions_;
  }
  // As the trailer counts them: EXECUTEs, lines of COPY blocks, and the rows said of other statements.
  [[nodiscard]] unsigned rows() const {
    std::istringstream lines(text_);
    unsigned count = 0;
    bool copying = false, copied = false;
    for (std::string line; std::getline(lines, line);) {
      const bool after_copy = std::exchange(copied, false);
      if (copying && line == "\\.") {
        copying = false;
        copied = true;
      } else if (copying || line.starts_with("EXECUTE ")) {
        ++count;
      } else if (line.starts_with("COPY ")) {
        copying = true;
      } else if (line.starts_with("-- lpbm:rows ") && !after_copy) {
        count += static_cast<unsigned>(std::stoul(line.substr(13)));
      }
    }
    return count;
  }
  std::string text_;
  unsigned transactions_ = 0;
};

inline std::string ddl(char kind, const std::string& text, const std::string& settings = "",
                       const std::string& resets = "", const std::string& extension = "-") {
  return std::string("-- lpbm:ddl ") + kind + " " + extension + " " + std::to_string(settings.size()) + " " +
         std::to_string(text.size()) + " " + std::to_string(resets.size()) + "\n" + settings + "\n" + text + "\n" +
         resets + "\n";
}

}  // namespace lpbm::test
