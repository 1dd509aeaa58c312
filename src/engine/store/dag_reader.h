// Reads objects from IPFS nodes: through the RPC of Kubo (or the IPFS proxy of a cluster), or through a gateway. Each
// block is compared with its CID before a byte of it is handed on; where an address fails, refuses or falls silent,
// another one goes on at the same block.
#pragma once

#include <exception>
#include <map>
#include <string>
#include <vector>

#include "store/failover.h"
#include "store/store.h"
#include "store/unixfs.h"

namespace lpbm::store {

class DagReader {
 public:
  // `step` of all errors is "object <cid>".
  DagReader(std::vector<Address> addresses, HttpOptions http, Patience patience);
  // As Store::get(). That no node has a block cannot be told from a slow one: retryable. Permanent only where every
  // address refuses, or holds damaged bytes.
  void read(const std::string& cid, Range range, Sink& sink);

 private:
  struct Window;  // what of the object is wanted, and by whom
  enum class Kind { rpc, gateway };

  void walk(const std::string& cid, std::uint64_t offset, unsigned depth, Window& window);
  void add_leaf(const DagChild& leaf, std::uint64_t offset, Window& window);
  void read_run(Window& window);
  void read_leaves_at(const Address& address, const std::vector<DagChild>& leaves, std::size_t& next,
                      std::uint64_t& offset, Window& window);
  std::string block(const std::string& cid);
  void check(const std::string& cid, Bytes block, const Address& address) const;
  Kind kind_of(const Address& address);
  HttpRequest block_request(const Address& address, const std::string& cid);
  HttpRequest range_request(const Address& address, const std::string& text, std::uint64_t offset,
                            std::uint64_t length);
  HttpResponse ask(const Address& address, const HttpRequest& request);
  HttpClient& client(const Address& address);

  HttpOptions options_;
  std::map<std::string, std::unique_ptr<HttpClient>> clients_;  // by the address's URL
  std::map<std::string, Kind> kinds_;
  Failover failover_;
  std::string object_;         // the CID that is being read
  std::vector<DagChild> run_;  // leaves that are wanted next, one behind the other
  std::uint64_t run_offset_ = 0;
};

}  // namespace lpbm::store
