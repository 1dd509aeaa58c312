// Writes one object into an IPFS Cluster: parts of bounded size, of which one is sent while it, or the next one, is
// filled.
#pragma once

#include <array>
#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "store/ipfs_store.h"
#include "store/object_hasher.h"
#include "store/part_spool.h"

namespace lpbm::store {

class IpfsPut final : public Writer {
 public:
  // `prefix` of the names of this site, with which `name` begins.
  IpfsPut(const IpfsOptions& options, std::string prefix, std::string name);
  ~IpfsPut() override;

  void write(Bytes data) override;
  // Returns once the object is one pin under its name; an object of several parts is then also held by replication_min
  // peers.
  void finish() override;
  [[nodiscard]] Stored stored() const override { return hasher_.stored(); }

 private:
  [[nodiscard]] ClusterOptions with_cancel(ClusterOptions options) const;
  void start_sending();
  void send_early();
  void end_part();
  void send(std::size_t number, PartSpool& spool);
  void add_part(std::size_t number, const std::string& cid, PartSpool& spool);
  void wait_for_part();
  void add_object(const std::string& cid, Rereadable& content, bool car);
  void join_parts();

  std::uint64_t part_size_;
  std::string prefix_, name_;
  ObjectHasher hasher_;
  std::atomic<bool> cancelled_ = false;
  ClusterApi api_;  // used by the thread that sends, else by the writer's
  std::array<PartSpool, 2> spools_;
  std::size_t filling_ = 0;               // which of the spools
  bool early_ = false;                    // it is being sent while it is filled
  std::size_t sent_ = 0;                  // parts handed to the sending thread
  std::vector<std::string> own_parts_;    // CIDs of pins to be removed
  std::vector<std::string> allocations_;  // of the first part, for the others
  std::future<void> sending_;
};

}  // namespace lpbm::store
