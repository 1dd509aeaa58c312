#include "job/leftovers.h"

#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

class LeftoversTest : public test::WithSite {
 protected:
  journal::Object store(const std::string& entry) {
    return store_object(*store_, objects_of(entry).options("script"), entry);
  }
  std::size_t stored() { return store_->list("lpbm/").size(); }
  void add_entry(journal::Kind kind, const std::string& name, Lsn from, Lsn to) {
    add_entry(kind, name, from, to, stream_, {}, now());
  }
  void add_entry(journal::Kind kind, const std::string& name, Lsn from, Lsn to, const std::string& stream,
                 const std::string& database, Micros finished) {
    journal::Entry entry;
    entry.database = database;
    entry.kind = kind;
    entry.name = name;
    entry.stream = stream;
    entry.from = from;
    entry.to = entry.anchor = to;
    if (kind == journal::Kind::full) {
      entry.snapshot = "10:10:";
      entry.reason = "asked";
    }
    entry.started = entry.finished = finished;
    entry.encoding = "UTF8";
    entry.server_version = 150018;
    entry.objects = {store(name)};
    entry.cid = entry.objects[0].cid;
    site_->journal().append(entry, site_->signing_key());
  }
};

TEST_F(LeftoversTest, ObjectsOfAnEntryThatWasNeverJournalledAreRemoved) {
  const PendingEntry pending(*site_, "2026-11-21T00:00:00.000000Z-delta");
  store(pending.name());
  remove_leftovers(*site_, *store_, journal::Kind::full);
  EXPECT_EQ(stored(), 1U) << "another kind of job may be at work";
  remove_leftovers(*site_, *store_, journal::Kind::delta);
  EXPECT_EQ(stored(), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(site_->path("pending")));
}

TEST_F(LeftoversTest, JournalledObjectsStayWhenTheirNoteIsStillThere) {
  const std::string name = "2026-11-21T00:00:00.000000Z-delta";
  const PendingEntry pending(*site_, name);
  add_entry(journal::Kind::delta, name, Lsn{1}, Lsn{2});
  remove_leftovers(*site_, *store_, journal::Kind::delta);
  EXPECT_EQ(stored(), 1U);
}

TEST_F(LeftoversTest, ACopiedNoteRemovesNothing) {
  const PendingEntry pending(*site_, "2026-11-21T00:00:00.000000Z-delta");
  store(pending.name());
  const std::filesystem::path note = site_->path("pending") / pending.name();
  std::filesystem::copy(note, root_ / "copy");
  std::filesystem::rename(root_ / "copy", note);
  remove_leftovers(*site_, *store_, journal::Kind::delta);
  EXPECT_EQ(stored(), 1U);
}

TEST_F(LeftoversTest, ObjectsWithoutANoteAreNobodysBusiness) {
  store("2026-11-21T00:00:00.000000Z-delta");
  remove_leftovers(*site_, *store_, journal::Kind::delta);
  EXPECT_EQ(stored(), 1U);
}

TEST_F(LeftoversTest, RetentionDropsAFullWithItsDeltas) {
  settings_.max_full_backups = 1;
  site_ = std::make_unique<Site>(settings_);
  add_entry(journal::Kind::full, "2026-11-21T00:00:00.000000Z-full", Lsn{10}, Lsn{10});
  add_entry(journal::Kind::delta, "2026-11-22T00:00:00.000000Z-delta", Lsn{10}, Lsn{20});
  add_entry(journal::Kind::full, "2026-11-23T00:00:00.000000Z-full", Lsn{20}, Lsn{20});
  apply_retention(*site_, *store_, stream_);
  const auto& kept = site_->journal().load();
  ASSERT_EQ(kept.entries().size(), 1U);
  EXPECT_EQ(kept.entries()[0].name, "2026-11-23T00:00:00.000000Z-full");
  ASSERT_EQ(stored(), 1U);
  EXPECT_EQ(store_->list("lpbm/")[0].cid, kept.entries()[0].cid);
}

TEST_F(LeftoversTest, RetentionKeepsWhatIsThereOfADroppedDatabaseForAWeek) {
  constexpr Micros day = Micros{24} * 3600 * 1'000'000;
  settings_.max_full_backups = 1;
  site_ = std::make_unique<Site>(settings_);
  add_entry(journal::Kind::full, "2026-11-20T00:00:00.000000Z-full", Lsn{5}, Lsn{5}, "1", "old", now() - 8 * day);
  add_entry(journal::Kind::full, "2026-11-21T00:00:00.000000Z-full", Lsn{10}, Lsn{10}, "2", "dropped", now() - 6 * day);
  for (const char* name : {"2026-11-22T00:00:00.000000Z-full", "2026-11-23T00:00:00.000000Z-full"})
    add_entry(journal::Kind::full, name, Lsn{20}, Lsn{20}, stream_, settings_.database, now());
  apply_retention(*site_, *store_, stream_);
  const auto& kept = site_->journal().load();
  ASSERT_EQ(kept.entries().size(), 3U);
  EXPECT_EQ(kept.entries()[0].database, "dropped");
  EXPECT_EQ(stored(), 3U);
}

TEST_F(LeftoversTest, RetentionThatWasKilledAfterTheJournalIsFinishedByTheNext) {
  settings_.max_full_backups = 1;
  site_ = std::make_unique<Site>(settings_);
  add_entry(journal::Kind::full, "2026-11-21T00:00:00.000000Z-full", Lsn{10}, Lsn{10});
  add_entry(journal::Kind::full, "2026-11-23T00:00:00.000000Z-full", Lsn{20}, Lsn{20});
  const auto before = site_->journal().load();
  replace_file(site_->path("removals"), before.entries()[0].cid + "\n" + before.entries()[1].cid + "\n");
  site_->journal().drop_before(2, site_->signing_key());
  apply_retention(*site_, *store_, stream_);
  ASSERT_EQ(stored(), 1U) << "what the journal still names stays";
  EXPECT_FALSE(std::filesystem::exists(site_->path("removals")));
}

TEST_F(LeftoversTest, RetentionOfACopyLeavesTheOriginalsObjectsInAStoreThatBothShare) {
  const std::filesystem::path shared = test::make_temporary_directory();
  settings_.store = "file:" + shared.string();
  settings_.max_full_backups = 1;
  site_ = std::make_unique<Site>(settings_);
  store_ = site_->open_store();
  settle_home(*site_);
  add_entry(journal::Kind::full, "2026-11-21T00:00:00.000000Z-full", Lsn{10}, Lsn{10});
  settle_home(*site_);
  // As a copy finds it: the inode is another's.
  replace_file(site_->path("home"), read_file(site_->path("home")));
  settle_home(*site_);
  add_entry(journal::Kind::full, "2026-11-22T00:00:00.000000Z-full", Lsn{20}, Lsn{20});
  apply_retention(*site_, *store_, stream_);
  EXPECT_EQ(site_->journal().load().entries().size(), 1U);
  EXPECT_EQ(stored(), 2U) << "the original's journal still names the first";
  add_entry(journal::Kind::full, "2026-11-23T00:00:00.000000Z-full", Lsn{30}, Lsn{30});
  apply_retention(*site_, *store_, stream_);
  EXPECT_EQ(stored(), 2U) << "its own are removed";
  store_.reset();
  std::filesystem::remove_all(shared);
}

TEST_F(LeftoversTest, AServerThatStaysWhereItIsRemovesWhatItStoredBefore) {
  settle_home(*site_);
  const std::string note = read_file(site_->path("home"));
  add_entry(journal::Kind::full, "2026-11-21T00:00:00.000000Z-full", Lsn{10}, Lsn{10});
  settle_home(*site_);
  EXPECT_EQ(read_file(site_->path("home")), note);
}

TEST(EntryNames, AreDistinctAndSayTheirKind) {
  const std::string one = entry_name(journal::Kind::delta), two = entry_name(journal::Kind::delta);
  EXPECT_LT(one, two);
  EXPECT_TRUE(one.ends_with("-delta"));
  EXPECT_TRUE(entry_name(journal::Kind::full).ends_with("-full"));
}

TEST(StorePrefix, HoldsOnlyWhatAStoreAllows) {
  EXPECT_EQ(store_prefix("büro/1 a"), "lpbm/b__ro_1_a/");
}

}  // namespace
}  // namespace lpbm::job
