// The text of records on its way to a sink: that of a record becomes part of the output only when the record is
// complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/stream.h"

namespace lpbm::delta {

// Memory: a few megabytes; a longer record waits in a file without a name in `directory`. Errors: retryable (the file's
// disk is full), and those of the sink, which must outlive this.
class RecordText {
 public:
  RecordText(Sink& out, std::filesystem::path directory) : out_(out), directory_(std::move(directory)) {}

  // To be appended to; call grown() now and then. Afterwards the reference is still good, the content may be gone.
  [[nodiscard]] std::string& text() { return text_; }
  void grown() {
    if (text_.size() - record_ > limit) spool();
  }
  void complete();  // the record ends here
  void abandon();   // forget everything since the last complete()
  void flush();     // all complete records to the sink

 private:
  static constexpr std::size_t limit = 4u << 20;
  void spool();
  void unspool();

  Sink& out_;
  std::filesystem::path directory_;
  std::string text_;
  std::size_t record_ = 0;  // begin of the incomplete record's text
  File file_;
  std::uint64_t spooled_ = 0;  // bytes of the incomplete record in the file, before those in text_
};

}  // namespace lpbm::delta
