// A directory of a site with keys, a journal to known recipients and a file store; removed afterwards.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/age.h"
#include "csvlog/frame.h"
#include "job/keys.h"
#include "job/site.h"

namespace lpbm::job::test {

inline std::string make_temporary_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "lpbm-job-XXXXXX").string();
  if (!::mkdtemp(path.data())) throw std::runtime_error("mkdtemp");
  return path;
}

class WithDirectory : public testing::Test {
 protected:
  WithDirectory() : root_(make_temporary_directory()) {
    settings_.directory = root_ / "lpbm";
    settings_.data_directory = root_;
    settings_.log_directory = root_ / "log";
    settings_.site = "here";
    settings_.system = "1";
    settings_.database = "postgres";
    settings_.encoding = "UTF8";
    settings_.server_version = 150018;
    std::filesystem::create_directory(settings_.log_directory);
  }
  ~WithDirectory() override { std::filesystem::remove_all(root_); }

  void write(const std::filesystem::path& path, const std::string& content, bool secret = true) {
    std::ofstream(path, std::ios::binary) << content;
    if (secret) std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  }

  std::filesystem::path root_;
  Settings settings_;
};

class WithSite : public WithDirectory {
 protected:
  WithSite() : identity_(codec::generate_identity()) {
    settings_.recipients = {identity_.recipient};
    site_ = std::make_unique<Site>(settings_);
    make_keys(*site_);
    make_journal(*site_);
    store_ = site_->open_store();
  }

  EntryObjects objects_of(const std::string& entry) {
    return {*store_, store_prefix("here") + entry + '/', {identity_.recipient}, 1};
  }
  // A csvlog file with one line a message.
  void write_log(const std::string& name, const std::vector<std::string>& messages) {
    std::string text;
    for (const std::string& message : messages) {
      std::string quoted;
      for (const char c : message) quoted += c == '"' ? "\"\"" : std::string(1, c);
      text += "2026-11-21 02:00:00.000 UTC,,,1,,1.1,1,,2026-11-21 02:00:00 UTC,,0,LOG,00000,\"" + quoted +
              "\",,,,,,,,,\"lpbm\",\"background worker\",,0\n";
    }
    write(settings_.log_directory / name, text, false);
  }
  std::string frame(std::uint64_t run, std::uint64_t seq, const std::string& payload) {
    const std::optional<std::size_t> boundary = payload.empty() ? std::nullopt : std::optional<std::size_t>(0);
    return csvlog::make_frame(site_->cluster_key(), stream_, {run, seq}, boundary, payload);
  }

  const std::string stream_ = "00112233aabbccdd";
  codec::AgeIdentity identity_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<store::Store> store_;
};

template <typename Step>
Error error_of(Step step) {
  try {
    step();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ErrorKind::permanent, "nothing", "nothing"};
}

}  // namespace lpbm::job::test
