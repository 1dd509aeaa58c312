#include "delta/script_lines.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace lpbm::delta {
namespace {

constexpr std::size_t block = 256u << 10;
constexpr std::size_t line_limit = 64u << 20;
constexpr std::string_view terminator = "\\.\n";

[[noreturn]] void refuse(const std::string& cause) {
  throw Error(ErrorKind::permanent, "reading a delta's script", cause);
}

}  // namespace

bool ScriptLines::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < block) buffer_.resize(std::max(end_ + block, std::min(2 * end_, end_ + line_limit)));
  const std::size_t got = source_.read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  return got > 0;
}

bool ScriptLines::line(std::string_view& out) {
  for (std::size_t searched = 0;;) {
    const std::size_t newline = rest().find('\n', searched);
    if (newline != std::string_view::npos) {
      out = rest().substr(0, newline);
      begin_ += newline + 1;
      return true;
    }
    searched = end_ - begin_;
    if (searched > line_limit) refuse("a line is too long");
    if (fill()) continue;
    if (searched > 0) refuse("the last line is torn");
    return false;
  }
}

std::string ScriptLines::piece(std::uint64_t size) {
  std::string out;
  while (out.size() < size) {
    if (rest().empty() && !fill()) refuse("it ends inside of a command");
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(size - out.size(), rest().size()));
    out.append(rest().substr(0, count));
    begin_ += count;
  }
  if (rest().empty() && !fill()) refuse("it ends inside of a command");
  if (rest().front() != '\n') refuse("the length of a command is wrong");
  ++begin_;
  return out;
}

std::uint64_t ScriptLines::copy_block(const std::function<void(std::string_view)>& data) {
  std::uint64_t rows = 0;
  bool line_begins = true;
  const auto hand_on = [&](std::size_t count) {
    if (count == 0) return;
    const std::string_view slice = rest().substr(0, count);
    rows += static_cast<std::uint64_t>(std::count(slice.begin(), slice.end(), '\n'));
    line_begins = slice.back() == '\n';
    data(slice);
    begin_ += count;
  };
  while (true) {
    while (rest().size() < terminator.size())
      if (!fill()) refuse("it ends inside of a COPY block");
    if (line_begins && rest().starts_with(terminator)) {
      begin_ += terminator.size();
      return rows;
    }
    const std::size_t found = rest().find("\n\\.\n");
    if (found != std::string_view::npos) {
      hand_on(found + 1);
      continue;
    }
    // What may be the begin of the terminator stays.
    hand_on(rest().size() - terminator.size());
    if (!fill()) refuse("it ends inside of a COPY block");
  }
}

}  // namespace lpbm::delta
