// PEM armor of age files: strict, but for lines ended by CRLF and for up to 1 KiB of blank lines and spaces around.
#pragma once

#include <string>

#include "base/stream.h"

namespace lpbm::codec::age {

std::string armor(Bytes data);

// Writes the bytes inside of the armor to `below`, which must outlive it. Throws Error (permanent).
class ArmorReader final : public Sink {
 public:
  explicit ArmorReader(Sink& below) : below_(below) {}
  void write(Bytes data) override;
  void finish() override;

 private:
  enum class State { before, lines, last_line, after };
  void line(std::string_view line);
  void blank(std::size_t count);

  Sink& below_;
  State state_ = State::before;
  std::string pending_;  // a line that has not come to its end
  std::size_t blanks_ = 0;
};

}  // namespace lpbm::codec::age
