// The journal's file as it is mailed: one state of it, read once, however it grows meanwhile.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "journal/journal.h"
#include "notify/message.h"

namespace lpbm::job {

class MailJournal {
 public:
  // Nothing where there is no journal yet. Throws Error where it is damaged or cannot be read. Memory does not grow
  // with the file.
  static std::optional<MailJournal> read(const std::filesystem::path& path);

  [[nodiscard]] const journal::Header& header() const { return header_; }
  // The last entries, at most ten, the newest last.
  [[nodiscard]] const std::vector<journal::Entry>& newest() const { return newest_; }
  // The same for the same content only.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  // As text where it is small, else compressed, through a file in `directory` that has no name. What it opens must not
  // outlive this.
  notify::Attachment attachment(const std::string& site, const std::filesystem::path& directory);

 private:
  void scan();
  File compressed(const std::filesystem::path& directory);

  File file_;
  std::uint64_t size_ = 0;  // whole lines
  journal::Header header_;
  std::vector<journal::Entry> newest_;
  std::string identity_;
  std::optional<File> compressed_;
  std::uint64_t compressed_size_ = 0;
};

}  // namespace lpbm::job
