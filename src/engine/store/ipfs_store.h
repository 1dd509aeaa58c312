// A store in an IPFS Cluster (docs/ipfs-cluster.md).
//
// An object is one pin of the cluster, of its root CID, under its name. While an object of several parts is written,
// each part is a pin of its own, `<name>@<number>`; once the root is pinned by replication_min peers the pins of the
// parts are removed, so what a writer that was killed leaves are pins with an `@`, and nothing else. The pin's metadata
// holds `size`, and `also`: names under which other sites put the same bytes, separated by blanks.
//
// A site removes, lists and cleans only pins whose names are its own; get() and confirm() find all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/cluster_api.h"
#include "store/dag_reader.h"
#include "store/store.h"

namespace lpbm::store {

struct IpfsOptions {
  ClusterOptions cluster;
  std::vector<Address> readers;
  std::string site, directory;  // directory: of spools
  std::uint64_t part_size = 256u << 20;
};

class IpfsStore final : public Store {
 public:
  // Connects to nothing yet.
  explicit IpfsStore(IpfsOptions options);

  std::unique_ptr<Writer> put(const std::string& name) override;
  // What is pinned in the cluster; where that cannot be reached, whatever the readers have.
  void get(const std::string& cid, Range range, Sink& sink) override;
  // Waits until replication_min peers say `pinned`, for no longer than the patience without getting on.
  void confirm(const std::string& cid) override;
  void remove(const std::string& cid) override;
  std::vector<Listed> list(const std::string& prefix) override;
  std::vector<Listed> list_leftovers(const std::string& prefix) override;
  std::vector<Listed> journals() override;
  void remove_unfinished(const std::vector<std::string>& prefixes, const std::set<std::string>& kept) override;

 private:
  [[nodiscard]] bool is_own(const std::string& name) const;
  void check_is_there(const std::string& cid);
  [[nodiscard]] bool is_object_below(const std::string& prefix, const std::string& name) const;

  IpfsOptions options_;
  std::string prefix_;  // of all names of this site; empty without one
  ClusterApi api_;
  DagReader reader_;
  bool cluster_is_away_ = false;
};

// Waits until replication_min peers hold the pin; recovers and reallocates it meanwhile. Throws Error (retryable) when
// it does not get on for the patience of `api`.
void wait_until_pinned(ClusterApi& api, const Pin& pin);

// The pin of an object by its name, and the names that other sites gave it.
std::vector<std::string> names_of(const Pin& pin);
void set_names(Pin& pin, const std::vector<std::string>& names);

std::unique_ptr<Store> open_ipfs_store(const Options& options);

}  // namespace lpbm::store
