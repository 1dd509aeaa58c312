// A folder with files as the first LPBM left them, and their journal.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "codec/aes_cbc.h"
#include "codec/cid.h"
#include "store/store.h"

namespace lpbm::job::test {

struct FirstBackup {
  FirstBackup() {
    std::string path = (std::filesystem::temp_directory_path() / "lpbm-first-XXXXXX").string();
    if (!::mkdtemp(path.data())) throw std::runtime_error("mkdtemp");
    folder = path;
  }
  FirstBackup(const FirstBackup&) = delete;
  FirstBackup& operator=(const FirstBackup&) = delete;
  ~FirstBackup() { std::filesystem::remove_all(folder); }

  struct Text final : Sink {
    void write(Bytes data) override { text.append(data); }
    void finish() override {}
    std::string text;
  };
  static std::string encrypted(const std::string& content) {
    static const codec::AesCbcKey key("secret", std::string(16, 's'));
    Text out;
    const auto sink = codec::aes_cbc_encrypt(key, out);
    sink->write(content);
    sink->finish();
    return out.text;
  }
  static std::string cid_of(const std::string& file) {
    codec::CidHasher hasher(codec::CidVersion::v0);
    hasher.write(file);
    hasher.finish();
    return codec::cid_text(hasher.root().cid);
  }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  // Appends an entry; the file is named by its CID. Returns the CID.
  std::string add(const std::string& kind, const std::string& content) {
    const std::string file = encrypted(content), cid = cid_of(file);
    put(cid, file);
    journal += cid + " 2022-04-07T14:5" + std::to_string(minute++) + ":14.326+02:00-" + kind + ".sql.enc\n";
    return cid;
  }
  [[nodiscard]] store::Options options() const {
    store::Options out;
    out.url = "file:" + folder.string();
    return out;
  }

  std::filesystem::path folder;
  std::string journal;
  int minute = 0;
};

}  // namespace lpbm::job::test
