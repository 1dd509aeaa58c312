#include "store/conformance.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/cid.h"
#include "codec/crypto.h"

namespace lpbm::store {

// Only tested where a store of this build is instantiated.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

std::string sample(std::size_t size, unsigned seed) {
  std::string out;
  out.reserve(size + 32);
  for (std::uint64_t i = 0; out.size() < size; ++i)
    out += codec::sha256(std::to_string(seed) + ' ' + std::to_string(i));
  out.resize(size);
  return out;
}

Stored put(Store& store, const std::string& name, const std::string& content) {
  const auto writer = store.put(name);
  constexpr std::size_t piece = 100'003;
  for (std::size_t at = 0; at < content.size(); at += piece) writer->write(Bytes(content).substr(at, piece));
  writer->finish();
  return writer->stored();
}

namespace {

class Text final : public Sink {
 public:
  void write(Bytes data) override { text.append(data); }
  void finish() override { ADD_FAILURE() << "a store must not finish the sink"; }
  std::string text;
};

// A name for the object of this content that get() and confirm() cannot know.
std::string missing_cid() {
  codec::CidHasher hasher;
  hasher.write("nobody stored this");
  hasher.finish();
  return codec::cid_text(hasher.root().cid);
}

ErrorKind kind_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return ErrorKind::usage;
}

std::set<std::string> names(Store& store, const std::string& prefix) {
  std::set<std::string> out;
  for (const Listed& object : store.list(prefix)) out.insert(object.name);
  return out;
}

}  // namespace

std::string get(Store& store, const std::string& cid, Range range) {
  Text sink;
  store.get(cid, range, sink);
  return sink.text;
}

TEST_P(StoreConformance, gives_back_what_was_put) {
  const auto store = open();
  for (const std::size_t size : {0, 1, 11, 262144, 262145, 1 << 20, (1 << 20) + 1, 3 << 20, 5'000'001}) {
    const std::string content = sample(size);
    const Stored stored = put(*store, "lpbm/site/e/" + std::to_string(size), content);
    store->confirm(stored.cid);
    EXPECT_EQ(stored.size, size);
    EXPECT_EQ(stored.sha256, to_hex(codec::sha256(content)));
    EXPECT_EQ(stored.parts, std::max<std::size_t>(1, (size + part_size - 1) / part_size)) << size;
    EXPECT_TRUE(get(*store, stored.cid) == content) << size;
  }
}

TEST_P(StoreConformance, names_an_object_of_one_part_as_kubo_does) {
  const auto store = open();
  EXPECT_EQ(put(*store, "lpbm/site/e/hello", "hello world").cid,
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  EXPECT_EQ(put(*store, "lpbm/site/e/empty", "").cid, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
}

TEST_P(StoreConformance, names_an_object_of_parts_by_the_node_that_joins_them) {
  const auto store = open();
  const std::string content = sample((2 << 20) + 77);
  std::vector<codec::DagNode> parts;
  for (std::size_t at = 0; at < content.size(); at += part_size) {
    codec::CidHasher hasher;
    hasher.write(Bytes(content).substr(at, part_size));
    hasher.finish();
    parts.push_back(hasher.root());
  }
  const Stored stored = put(*store, "lpbm/site/e/parts", content);
  EXPECT_EQ(stored.parts, 3u);
  EXPECT_EQ(stored.cid, codec::cid_text(codec::join_parts(parts).cid));
}

TEST_P(StoreConformance, finds_an_object_whatever_the_part_size_is_now) {
  const std::string content = sample(3'000'000);
  const std::string cid = put(*open(), "lpbm/site/e/dump", content).cid;
  const auto store = open("site", 2 << 20);
  store->confirm(cid);
  EXPECT_TRUE(get(*store, cid) == content);
}

TEST_P(StoreConformance, gives_ranges) {
  const auto store = open();
  const std::string content = sample(3'500'000);
  const std::string cid = put(*store, "lpbm/site/e/dump", content).cid;
  for (const Range& range : std::initializer_list<Range>{{0, 1},
                                                         {0, 1 << 20},
                                                         {(1 << 20) - 1, 2},
                                                         {1'000'000, 2'000'000},
                                                         {3'499'999, UINT64_MAX},
                                                         {3'499'990, 100},
                                                         {2 << 20, UINT64_MAX},
                                                         {5, 0}})
    EXPECT_TRUE(get(*store, cid, range) == content.substr(range.offset, range.length))
        << range.offset << ' ' << range.length;
  EXPECT_EQ(get(*store, cid, {3'500'000, 1}), "");
  EXPECT_EQ(get(*store, cid, {UINT64_MAX, UINT64_MAX}), "");
  const std::string small = put(*store, "lpbm/site/e/small", "hello world").cid;
  EXPECT_EQ(get(*store, small, {6, 3}), "wor");
  EXPECT_EQ(get(*store, small, {20, 3}), "");
}

TEST_P(StoreConformance, the_same_bytes_again_are_no_error) {
  const auto store = open();
  const std::string content = sample(2'000'000);
  const Stored first = put(*store, "lpbm/site/e/dump", content);
  const Stored second = put(*store, "lpbm/site/e/dump", content);
  EXPECT_EQ(first.cid, second.cid);
  store->confirm(first.cid);
  EXPECT_TRUE(get(*store, first.cid) == content);
  store->remove(first.cid);
  EXPECT_EQ(kind_of([&] { store->confirm(first.cid); }), ErrorKind::permanent);
}

TEST_P(StoreConformance, the_same_bytes_under_two_names_go_together) {
  const auto store = open();
  const std::string cid = put(*store, "lpbm/site/a/x", "same").cid;
  put(*store, "lpbm/site/b/x", "same");
  EXPECT_TRUE(names(*store, "lpbm/site/").contains("lpbm/site/b/x"));
  open()->remove(cid);
  EXPECT_TRUE(open()->list("lpbm/site/").empty());
}

TEST_P(StoreConformance, a_writer_that_was_not_finished_leaves_nothing) {
  const auto store = open();
  const std::string content = sample(300'000);
  {
    const auto writer = store->put("lpbm/site/e/dump");
    writer->write(content);
  }
  codec::CidHasher hasher;
  hasher.write(content);
  hasher.finish();
  const std::string cid = codec::cid_text(hasher.root().cid);
  EXPECT_EQ(kind_of([&] { store->confirm(cid); }), ErrorKind::permanent);
  EXPECT_TRUE(store->list("").empty());
}

TEST_P(StoreConformance, nothing_is_visible_before_finish) {
  const auto store = open();
  const auto writer = store->put("lpbm/site/e/dump");
  writer->write("hello world");
  const auto other = open();
  EXPECT_TRUE(other->list("").empty());
  EXPECT_EQ(kind_of([&] { other->confirm("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"); }),
            ErrorKind::permanent);
  writer->finish();
  EXPECT_EQ(get(*other, writer->stored().cid), "hello world");
}

TEST_P(StoreConformance, several_writers_may_be_open_at_once) {
  const auto store = open();
  const auto one = store->put("lpbm/site/e/one");
  const auto two = store->put("lpbm/site/e/two");
  one->write("1");
  two->write("22");
  two->finish();
  one->finish();
  EXPECT_EQ(get(*store, one->stored().cid), "1");
  EXPECT_EQ(get(*store, two->stored().cid), "22");
}

TEST_P(StoreConformance, a_missing_object_is_a_permanent_error_that_names_it) {
  const auto store = open();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(kind_of([&] { get(*store, missing_cid()); }), ErrorKind::permanent);
    EXPECT_EQ(kind_of([&] { store->confirm(missing_cid()); }), ErrorKind::permanent);
    put(*store, "lpbm/site/e/other", "other");
  }
  try {
    get(*store, missing_cid());
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "object " + missing_cid() + ": it is not in the store");
  }
}

TEST_P(StoreConformance, what_is_no_cid_is_refused_like_a_missing_object) {
  const auto store = open();
  put(*store, "lpbm/site/e/x", "x");
  for (const char* cid : {"", ".", "..", "../x", "/etc/passwd", "bafkrei", "hello"}) {
    EXPECT_EQ(kind_of([&] { get(*store, cid); }), ErrorKind::permanent) << cid;
    EXPECT_EQ(kind_of([&] { store->confirm(cid); }), ErrorKind::permanent) << cid;
    store->remove(cid);
  }
}

TEST_P(StoreConformance, removes_objects_and_forgives_those_that_are_gone) {
  const auto store = open();
  const std::string cid = put(*store, "lpbm/site/e/x", "x").cid;
  const std::string kept = put(*store, "lpbm/site/e/y", "y").cid;
  store->remove(cid);
  store->remove(cid);
  store->remove(missing_cid());
  EXPECT_EQ(kind_of([&] { get(*store, cid); }), ErrorKind::permanent);
  EXPECT_EQ(names(*store, ""), std::set<std::string>{"lpbm/site/e/y"});
  EXPECT_EQ(get(*store, kept), "y");
}

TEST_P(StoreConformance, sees_what_others_put_and_removed_meanwhile) {
  const auto one = open(), two = open();
  EXPECT_TRUE(one->list("").empty());
  const std::string cid = put(*two, "lpbm/site/e/x", "x").cid;
  EXPECT_EQ(get(*one, cid), "x");
  two->remove(cid);
  EXPECT_EQ(kind_of([&] { get(*one, cid); }), ErrorKind::permanent);
  EXPECT_EQ(kind_of([&] { one->confirm(cid); }), ErrorKind::permanent);
  put(*two, "lpbm/site/e/x", "x");
  EXPECT_EQ(get(*one, cid), "x");
  two->remove(cid);
  put(*two, "lpbm/site/f/x", "x");
  EXPECT_EQ(get(*one, cid), "x");
}

TEST_P(StoreConformance, lists_by_the_beginning_of_the_name) {
  const auto store = open();
  put(*store, "lpbm/site/2026-11-21T01:48:34.123456Z-full/dump", sample(100));
  put(*store, "lpbm/site/2026-11-21T01:48:34.123456Z-full/globals", sample(200));
  put(*store, "lpbm/site/2026-11-22T01:48:34.123456Z-delta/script", sample(300));
  EXPECT_EQ(names(*store, "lpbm/site/2026-11-21T01:48:34.123456Z-full/"),
            (std::set<std::string>{"lpbm/site/2026-11-21T01:48:34.123456Z-full/dump",
                                   "lpbm/site/2026-11-21T01:48:34.123456Z-full/globals"}));
  EXPECT_EQ(store->list("").size(), 3u);
  EXPECT_TRUE(store->list("lpbm/sit/").empty());
  const auto scripts = open()->list("lpbm/site/2026-11-22");
  ASSERT_EQ(scripts.size(), 1u);
  EXPECT_EQ(scripts[0].size, 300u);
  EXPECT_TRUE(get(*store, scripts[0].cid) == sample(300));
}

TEST_P(StoreConformance, two_sites_read_each_other_and_touch_only_their_own) {
  const auto a = open("a"), b = open("b");
  const std::string of_a = put(*a, "lpbm/a/e/x", "from a").cid;
  const std::string shared = put(*a, "lpbm/a/e/s", "shared").cid;
  put(*b, "lpbm/b/e/s", "shared");
  EXPECT_EQ(get(*b, of_a), "from a");
  b->confirm(of_a);
  EXPECT_EQ(names(*b, "lpbm/b/"), std::set<std::string>{"lpbm/b/e/s"});
  b->remove(shared);
  EXPECT_TRUE(b->list("lpbm/b/").empty());
  EXPECT_EQ(names(*a, "lpbm/a/"), (std::set<std::string>{"lpbm/a/e/x", "lpbm/a/e/s"}));
  EXPECT_EQ(get(*a, shared), "shared");
}

TEST_P(StoreConformance, refuses_names_that_are_none) {
  const auto store = open();
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\nb"), std::string("caf\xc3\xa9"),
                                  std::string("a@b"), std::string("a+b"), std::string("a\0b", 3)})
    EXPECT_EQ(kind_of([&] { store->put(name); }), ErrorKind::permanent) << name;
}

}  // namespace lpbm::store
