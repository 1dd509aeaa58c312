// The REST API of IPFS Cluster, as far as a store needs it. Every call goes to whichever address answers and is tried
// again (store/failover.h); all are idempotent. Errors: retryable where a daemon is missing, overloaded or says that it
// cannot now (5xx), permanent where it refuses (4xx).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/failover.h"
#include "store/http.h"

namespace lpbm::store {

struct ClusterOptions {
  std::vector<Address> addresses;
  HttpOptions http;
  Patience patience;
  int replication_min = 1, replication_max = 3;
  std::shared_ptr<Contacts> contacts = std::make_shared<Contacts>();  // copies of these options share it
};

// An entry of the pinset.
struct Pin {
  std::string cid, name;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> allocations;  // ids of the peers that are to hold it
};

struct PinStatus {
  int pinned = 0;      // peers that hold it whole
  int coming = 0;      // peers that are about to
  bool error = false;  // a peer failed to pin it
  std::string text;    // of the peers that do not hold it, for people
};

// Bytes that can be read again from their start.
class Rereadable {
 public:
  virtual ~Rereadable() = default;
  // unknown_size while more may come.
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // At least one byte, for which it may wait, or 0 at the end.
  virtual std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) = 0;
};

class ClusterApi {
 public:
  explicit ClusterApi(ClusterOptions options);

  // Nothing where no address knows a pin of this CID.
  std::optional<Pin> find(const std::string& cid);
  // Adds `content`, a file or (car) a CARv1, and pins it, on the peers of `pin.allocations` where that can be; the pin
  // returned has those that were chosen. `pin.cid` is what the content's root must be; anything else answered is an
  // error. What is pinned already, by an answer that was lost or under whatever name, is not sent again.
  struct Added {
    Pin pin;
    bool was_there = false;
  };
  Added add(const Pin& pin, Rereadable& content, bool car);
  // Adds a file once, at one address, while it is still being made; the pin returned has the CID that was answered,
  // which is for the caller to compare.
  Pin add_once(const Pin& pin, Rereadable& content);
  // Pins what is there, or pins it anew where its peers are gone.
  void pin(const Pin& pin);
  // One that is not pinned is no error.
  void unpin(const std::string& cid);
  PinStatus status(const std::string& cid);
  void recover(const std::string& cid);
  // The pins of the cluster that `wanted` says yes to.
  std::vector<Pin> pins(const std::function<bool(const Pin&)>& wanted);
  // Peers learn of pins and removals from each other, a little later: all that any of those that answer knows, once
  // each, what was removed just now perhaps among it.
  std::vector<Pin> pins_anywhere(const std::function<bool(const Pin&)>& wanted);

  [[nodiscard]] const ClusterOptions& options() const { return options_; }

 private:
  std::vector<Pin> ask_for_pins(const std::function<bool(const Pin&)>& wanted, std::string& asked);
  std::vector<Pin> pins_at(const Address& address, const std::function<bool(const Pin&)>& wanted);
  HttpResponse perform(const Address& address, const HttpRequest& request);
  HttpResponse ask(const Address& address, const char* method, const std::string& path);
  bool all_miss(const std::string& cid, std::optional<Pin>& found);
  std::optional<Pin> find_at(const Address& address, const std::string& cid);
  Pin post_add(const Address& address, const Pin& pin, Rereadable& content, bool car);
  Pin add_at(const Address& address, const Pin& pin, Rereadable& content, bool car);
  [[nodiscard]] std::string pin_options(const Pin& pin) const;

  ClusterOptions options_;
  HttpClient http_;
  Failover failover_;
};

}  // namespace lpbm::store
