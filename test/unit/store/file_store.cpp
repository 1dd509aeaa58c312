#include "store/file_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <set>

#include "base/encoding.h"
#include "base/error.h"
#include "store/conformance.h"
#include "store/object_file.h"

namespace lpbm::store {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    std::string name = (fs::temp_directory_path() / "lpbm-test-XXXXXX").string();
    root = ::mkdtemp(name.data());
  }
  ~FileStoreTest() override { fs::remove_all(root); }

  std::unique_ptr<Store> open(const std::string& site = "site") const {
    return store::open({"file:" + root.string(), "", site, part_size});
  }
  // The object files of a site.
  [[nodiscard]] std::vector<fs::path> files(const std::string& site = "site") const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(root / site))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }
  [[nodiscard]] std::size_t leftovers(const std::string& site = "site") const {
    const fs::path folder = root / site / ".incoming";
    return fs::exists(folder) ? std::distance(fs::directory_iterator(folder), fs::directory_iterator()) : 0;
  }

  static constexpr std::uint64_t part_size = 1 << 20;
  fs::path root;
};

class Counter final : public Sink {
 public:
  void write(Bytes data) override { count += data.size(); }
  void finish() override {}
  std::size_t count = 0;
};

std::string message(const std::function<void()>& call, ErrorKind kind = ErrorKind::permanent) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "nothing";
}

void flip(const fs::path& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char c = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(c);
}

TEST_F(FileStoreTest, keeps_each_object_in_one_file_named_by_its_cid_and_its_name_in_another) {
  const auto store = open();
  put(*store, "lpbm/site/e/hello", "hello world");
  const Stored large = put(*store, "lpbm/site/e/dump", sample(part_size + 1));
  std::set<std::string> names;
  for (const fs::path& file : files()) {
    names.insert(file.filename().string());
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", large.cid + ".1M"}));
  names.clear();
  for (const auto& entry : fs::directory_iterator(root / "site" / "names"))
    names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"e+hello@wof36n5e", "e+dump@" + large.cid.substr(large.cid.size() - 8)}));
  EXPECT_EQ(leftovers(), 0u);
}

TEST_F(FileStoreTest, a_flipped_byte_in_each_file_is_refused_before_anything_is_handed_on) {
  const auto store = open();
  put(*store, "lpbm/site/e/script", sample(1000, 1));
  put(*store, "lpbm/site/e/globals", sample(300'000, 2));
  put(*store, "lpbm/site/e/dump", sample(3 * part_size + 5, 3));
  for (const fs::path& file : files()) {
    const std::string cid = parse_object_file(file.filename().string())->cid;
    const std::size_t size = fs::file_size(file);
    for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
      flip(file, at);
      Counter sink;
      EXPECT_EQ(message([&] { store->get(cid, {}, sink); }), "object " + cid + ": content does not match its CID");
      EXPECT_EQ(sink.count, 0u);
      flip(file, at);
    }
    EXPECT_EQ(get(*store, cid).size(), size);
  }
}

TEST_F(FileStoreTest, a_file_cut_or_extended_is_refused) {
  const auto store = open();
  for (const std::size_t size : {std::size_t{1000}, std::size_t{2 * part_size}}) {
    const Stored stored = put(*store, "lpbm/site/e/x", sample(size));
    fs::path path;
    for (const fs::path& file : files())
      if (file.filename().string().starts_with(stored.cid)) path = file;
    for (const std::size_t wrong : {std::size_t{0}, size - 1, size / 2, size + 1}) {
      fs::resize_file(path, wrong);
      EXPECT_EQ(message([&] { get(*store, stored.cid); }), "object " + stored.cid + ": content does not match its CID");
    }
  }
}

// Changes the file while it is handed on.
class Saboteur final : public Sink {
 public:
  Saboteur(fs::path path, std::size_t at) : path_(std::move(path)), at_(at) {}
  void write(Bytes data) override {
    if (text.empty()) flip(path_, at_);
    text.append(data);
  }
  void finish() override {}
  std::string text;

 private:
  fs::path path_;
  std::size_t at_;
};

TEST_F(FileStoreTest, a_change_between_the_two_readings_is_refused) {
  const auto store = open();
  const std::string content = sample(4 * part_size);
  const Stored stored = put(*store, "lpbm/site/e/dump", content);
  Saboteur sink(files().at(0), 3 * part_size + 7);
  EXPECT_EQ(message([&] { store->get(stored.cid, {}, sink); }),
            "object " + stored.cid + ": content does not match its CID");
  EXPECT_TRUE(content.starts_with(sink.text));
}

TEST_F(FileStoreTest, a_damaged_file_is_repaired_by_putting_the_bytes_again) {
  const auto store = open();
  const Stored stored = put(*store, "lpbm/site/e/x", "hello world");
  flip(files().at(0), 3);
  put(*store, "lpbm/site/e/x", "hello world");
  EXPECT_EQ(get(*store, stored.cid), "hello world");
}

TEST_F(FileStoreTest, objects_copied_by_hand_without_their_names_are_found) {
  const Stored small = put(*open(), "lpbm/site/e/x", "hello world");
  const Stored large = put(*open(), "lpbm/site/e/y", sample(3'000'000));
  fs::remove_all(root / "site" / "names");
  EXPECT_TRUE(open()->list("").empty());
  EXPECT_EQ(get(*open(), small.cid), "hello world");
  EXPECT_TRUE(get(*open("other"), large.cid) == sample(3'000'000));
  EXPECT_TRUE(get(*open(""), large.cid) == sample(3'000'000));
}

TEST_F(FileStoreTest, the_next_open_removes_what_a_killed_put_left) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const auto store = open();
      const auto writer = store->put("lpbm/site/e/dump");
      writer->write("half of it");
      (void)!::write(ready[1], "x", 1);
      ::pause();
    } catch (...) {
    }
    ::_exit(1);
  }
  char c;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  EXPECT_EQ(leftovers(), 1u);
  open();
  EXPECT_EQ(leftovers(), 1u) << "its writer is alive";
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  open("other");
  EXPECT_EQ(leftovers(), 1u) << "another site's";
  open();
  EXPECT_EQ(leftovers(), 0u);
  EXPECT_TRUE(open()->list("").empty());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileStoreTest, an_open_beside_a_writer_lets_it_finish) {
  const auto store = open();
  const auto writer = store->put("lpbm/site/e/x");
  writer->write("hello ");
  open();
  writer->write("world");
  writer->finish();
  EXPECT_EQ(get(*open(), writer->stored().cid), "hello world");
}

TEST_F(FileStoreTest, opening_and_reading_create_nothing) {
  fs::remove_all(root);
  const auto store = open();
  EXPECT_TRUE(store->list("").empty());
  EXPECT_NE(message([&] { get(*store, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"); }), "nothing");
  store->remove("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(FileStoreTest, foreign_files_are_left_alone) {
  const auto store = open();
  put(*store, "lpbm/site/e/x", "x");
  std::ofstream(root / "README") << "not ours";
  std::ofstream(root / "site" / "notes.txt") << "not ours";
  std::ofstream(root / "site" / "bafkrei") << "not ours";
  std::ofstream(root / "site" / "names" / "bafkrei") << "not ours";
  EXPECT_EQ(store->list("").size(), 1u);
  EXPECT_NE(message([&] { get(*open(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"); }), "nothing");
  EXPECT_TRUE(fs::exists(root / "site" / "notes.txt"));
}

TEST_F(FileStoreTest, site_names_become_safe_and_distinct_folders) {
  EXPECT_EQ(site_folder("7301234567890"), "7301234567890");
  EXPECT_EQ(site_folder("../etc"), "%2e.%2fetc");
  EXPECT_EQ(site_folder("a/b"), "a%2fb");
  EXPECT_EQ(site_folder("a_b"), "a_b");
  EXPECT_EQ(site_folder("a%2fb"), "a%252fb");
  EXPECT_EQ(site_folder(std::string("\0", 1)), "%00");
  const Stored stored = put(*open("../up"), "lpbm/up/e/x", "x");
  EXPECT_TRUE(fs::exists(root / "%2e.%2fup"));
  EXPECT_EQ(get(*open("site"), stored.cid), "x");
}

TEST_F(FileStoreTest, names_of_files_come_back_as_they_were_made) {
  const std::string cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{268435456}, std::uint64_t{1000}, UINT64_MAX}) {
    const auto parsed = parse_object_file(object_file({cid, size}));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->cid, cid);
    EXPECT_EQ(parsed->part_size, size);
  }
  for (const std::string& file :
       {std::string("x"), cid + ".", cid + ".0", cid + ".1x", cid + "x", "x" + cid, cid + ".M",
        cid + ".18446744073709551615M", std::string(".incoming"), std::string("names")})
    EXPECT_FALSE(parse_object_file(file)) << file;
  for (const char* name : {"lpbm/s/e/x", "lpbm/s/2026-11-21T01:48:34.123456Z-full/dump", "a:b.c-d_e/f", "lpbm/s//x"}) {
    const auto parsed = parse_name_file(name_file(name, cid, "s"), "s");
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->name, name);
    EXPECT_EQ(parsed->tail, "wof36n5e");
  }
  EXPECT_FALSE(parse_name_file("x", "s"));
  EXPECT_FALSE(parse_name_file("x@y", "s"));
  EXPECT_NE(message([] { check_object_name(std::string(171, 'a')); }), "nothing");
}

TEST_F(FileStoreTest, paths_below_a_data_directory_are_short_enough_for_pg_basebackup) {
  const std::string cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
  const std::string folder = "lpbm/store/18446744073709551615/";
  EXPECT_LE((folder + object_file({cid, 268435456})).size(), 99u);
  EXPECT_LE(
      (folder + "names/" +
       name_file("lpbm/18446744073709551615/2026-11-21T01:48:34.123456Z-delta/manifest", cid, "18446744073709551615"))
          .size(),
      99u);
}

TEST_F(FileStoreTest, a_name_without_its_object_is_not_listed_and_goes_after_a_day) {
  const auto store = open();
  const Stored stored = put(*store, "lpbm/site/e/x", "hello world");
  fs::remove(files().at(0));
  EXPECT_TRUE(open()->list("").empty());
  const fs::path name = root / "site" / "names" / "e+x@wof36n5e";
  EXPECT_TRUE(fs::exists(name));
  fs::last_write_time(name, fs::file_time_type::clock::now() - std::chrono::hours(25));
  EXPECT_TRUE(open()->list("").empty());
  EXPECT_FALSE(fs::exists(name));
}

TEST_F(FileStoreTest, removing_an_object_removes_all_its_names_and_no_other) {
  const auto store = open();
  const Stored stored = put(*store, "lpbm/site/e/x", "hello world");
  put(*store, "lpbm/site/f/x", "hello world");
  put(*store, "lpbm/site/e/x", "another");
  store->remove(stored.cid);
  std::vector<Listed> left = store->list("");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].name, "lpbm/site/e/x");
  const fs::directory_iterator names(root / "site" / "names");
  EXPECT_EQ(std::distance(begin(names), end(names)), 1);
}

TEST_F(FileStoreTest, needs_the_name_of_a_site_to_write) {
  EXPECT_NE(message([&] { open("")->put("lpbm/x"); }, ErrorKind::usage), "nothing");
}

TEST_F(FileStoreTest, a_directory_that_may_not_be_written_is_a_permanent_error) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(root, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_NE(message([&] { open()->put("lpbm/site/e/x"); }), "nothing");
  fs::permissions(root, fs::perms::owner_all);
}

TEST_F(FileStoreTest, a_full_disk_is_retryable_and_leaves_nothing) {
  const fs::path small = root / "small";
  fs::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "a small tmpfs cannot be mounted here: " << std::strerror(errno);
  {
    const auto store = store::open({"file:store", small.string(), "site", part_size});
    const Stored kept = put(*store, "lpbm/site/e/small", "hello world");
    try {
      put(*store, "lpbm/site/e/dump", sample(2 << 20));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::retryable);
      EXPECT_EQ(error.cause(), "No space left on device");
      EXPECT_EQ(error.hint(), "Free some space on this file system.");
    }
    EXPECT_EQ(store->list("").size(), 1u);
    EXPECT_TRUE(fs::is_empty(small / "store" / "site" / ".incoming"));
    EXPECT_EQ(get(*store, kept.cid), "hello world");
    put(*store, "lpbm/site/e/next", sample(100'000));
  }
  EXPECT_EQ(::umount(small.c_str()), 0);
}

TEST(OpenStore, understands_the_forms_of_a_file_store) {
  const auto kind = [](const std::string& url, std::uint64_t part_size = 1) {
    try {
      store::open({url, "", "site", part_size});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.cause();
    }
    return std::string("opened");
  };
  EXPECT_EQ(kind("file:store"), "opened");
  EXPECT_EQ(kind("file:/nowhere/at/all"), "opened");
  EXPECT_EQ(kind("file:///nowhere/at/all"), "opened");
  EXPECT_EQ(kind("file://host/path"), "a file store has no host");
  EXPECT_EQ(kind("file:"), "the path is missing");
  EXPECT_EQ(kind("s3://bucket"), "this kind of store is not known");
  EXPECT_EQ(kind("/srv/store"), "this kind of store is not known");
  EXPECT_EQ(kind(""), "this kind of store is not known");
  EXPECT_EQ(kind("file:store", 0), "the size of a part cannot be 0");
}

TEST_F(FileStoreTest, a_relative_path_without_directory_is_relative_to_the_working_directory) {
  const fs::path before = fs::current_path();
  fs::current_path(root);
  const Stored stored = put(*store::open({"file:here", "", "site", part_size}), "lpbm/site/e/x", "x");
  fs::current_path(before);
  EXPECT_TRUE(fs::exists(root / "here" / "site"));
  EXPECT_EQ(get(*store::open({"file:here", root.string(), "site", part_size}), stored.cid), "x");
  EXPECT_EQ(get(*store::open({"file:" + (root / "here").string(), "/elsewhere", "site", part_size}), stored.cid), "x");
}

}  // namespace
}  // namespace lpbm::store
