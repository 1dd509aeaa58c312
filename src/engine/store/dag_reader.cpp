#include "store/dag_reader.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::store {
namespace {

constexpr std::uint64_t max_block = 2u << 20;
constexpr unsigned max_depth = 16;
constexpr long ok = 200, partial = 206;

// What the sink threw is no failure of an address, whatever it is.
struct SinkFailed {
  std::exception_ptr failure;
};

std::uint64_t end_of(const Range& range) {
  return range.length > UINT64_MAX - range.offset ? UINT64_MAX : range.offset + range.length;
}

}  // namespace

struct DagReader::Window {
  std::uint64_t from, to;
  Sink& sink;

  [[nodiscard]] bool wants(std::uint64_t offset, std::uint64_t size) const {
    return offset < to && offset + size > from;
  }
  void give(Bytes block, std::uint64_t offset) {
    const std::uint64_t first = std::clamp(from, offset, offset + block.size());
    const std::uint64_t last = std::clamp(to, first, offset + block.size());
    if (first == last) return;
    try {
      sink.write(block.substr(first - offset, last - first));
    } catch (...) {
      throw SinkFailed{std::current_exception()};
    }
  }
};

DagReader::DagReader(std::vector<Address> addresses, HttpOptions http, Patience patience)
    : options_(std::move(http)), failover_(std::move(addresses), std::move(patience)) {}

void DagReader::read(const std::string& cid, Range range, Sink& sink) {
  object_ = cid;
  run_.clear();
  Window window{range.offset, end_of(range), sink};
  if (window.from >= window.to) return;
  try {
    walk(codec::cid_binary(cid), 0, 0, window);
    read_run(window);
  } catch (const SinkFailed& failed) {
    std::rethrow_exception(failed.failure);
  }
}

// The tree below one node, which begins at `offset` of the object.
void DagReader::walk(const std::string& cid, std::uint64_t offset, unsigned depth, Window& window) {
  const std::string bytes = block(cid);
  if (const std::optional<Bytes> own = is_raw(cid) ? Bytes(bytes) : leaf_bytes(bytes)) {
    read_run(window);
    window.give(*own, offset);
    return;
  }
  if (depth == max_depth) throw Error(ErrorKind::permanent, "object " + object_, "its tree is too deep");
  for (const DagChild& child : parse_node(bytes)) {
    if (child.size > UINT64_MAX - offset) throw Error(ErrorKind::permanent, "object " + object_, "its sizes are wrong");
    if (window.wants(offset, child.size)) {
      if (is_raw(child.cid))
        add_leaf(child, offset, window);
      else
        walk(child.cid, offset, depth + 1, window);
    }
    offset += child.size;
  }
}

// Leaves that follow each other are read together, whatever nodes they hang on.
void DagReader::add_leaf(const DagChild& leaf, std::uint64_t offset, Window& window) {
  constexpr std::size_t enough = 1024;  // 256 MiB
  if (leaf.size > max_block) throw Error(ErrorKind::permanent, "object " + object_, "a block of it is too large");
  if (run_.empty()) run_offset_ = offset;
  run_.push_back(leaf);
  if (run_.size() == enough) read_run(window);
}

void DagReader::read_run(Window& window) {
  const std::vector<DagChild> leaves = std::move(run_);
  run_.clear();
  for (std::size_t next = 0; next < leaves.size();) {
    bool moved = false;
    failover_.run([&](const Address& address) {
      const std::size_t before = next;
      try {
        read_leaves_at(address, leaves, next, run_offset_, window);
      } catch (const Error&) {
        // Patience is for the next block: what came until here is done.
        moved = next > before;
        if (!moved) throw;
      }
    });
    if (moved) failover_.prefer_next();
  }
}

// One request for all leaves from `next` on, which begin at `offset`; both go on with each block.
void DagReader::read_leaves_at(const Address& address, const std::vector<DagChild>& leaves, std::size_t& next,
                               std::uint64_t& offset, Window& window) {
  std::uint64_t length = 0;
  for (std::size_t i = next; i < leaves.size(); ++i) length += leaves[i].size;
  HttpRequest request = range_request(address, object_, offset, length);
  std::string buffer;
  std::uint64_t skip = 0;
  bool begun = false;
  request.on_body = [&](long status, Bytes data) {
    // A gateway that knows no ranges sends all of it.
    if (!begun && status == ok && kind_of(address) == Kind::gateway) skip = offset;
    begun = true;
    const std::size_t skipped = std::min<std::uint64_t>(skip, data.size());
    skip -= skipped;
    data.remove_prefix(skipped);
    while (!data.empty() && next < leaves.size()) {
      const DagChild& leaf = leaves[next];
      const std::size_t take = std::min<std::uint64_t>(data.size(), leaf.size - buffer.size());
      buffer.append(data.substr(0, take));
      data.remove_prefix(take);
      if (buffer.size() < leaf.size) return;
      check(leaf.cid, buffer, address);
      window.give(buffer, offset);
      offset += leaf.size;
      ++next;
      buffer.clear();
    }
  };
  ask(address, request);
  if (next < leaves.size())
    throw Error(ErrorKind::retryable, "object " + object_, "the answer of " + address.url + " is cut off");
}

std::string DagReader::block(const std::string& cid) {
  std::string out;
  failover_.run([&](const Address& address) {
    HttpRequest request = block_request(address, cid);
    out.clear();
    request.on_body = [&](long, Bytes data) {
      if (out.size() + data.size() > max_block)
        throw Error(ErrorKind::retryable, "object " + object_, "a block from " + address.url + " is too large");
      out.append(data);
    };
    ask(address, request);
    check(cid, out, address);
  });
  return out;
}

// A node may have a damaged copy while another one has a sound one.
void DagReader::check(const std::string& cid, Bytes block, const Address& address) const {
  if (!is_block_of(cid, block))
    throw Error(ErrorKind::permanent, "object " + object_, "content does not match its CID",
                "The block " + codec::cid_text(cid) + " that " + address.url + " holds is damaged.");
}

// Kubo's RPC knows its version; a gateway refuses to be asked.
DagReader::Kind DagReader::kind_of(const Address& address) {
  if (const auto known = kinds_.find(address.url); known != kinds_.end()) return known->second;
  constexpr std::chrono::seconds at_once{5};
  const HttpResponse response =
      client(address).perform({.method = "POST", .url = address.url + "/api/v0/version", .stall_timeout = at_once});
  constexpr long unauthorized = 401, forbidden = 403;
  const bool rpc = response.status == ok && response.body.find("\"Version\"") != std::string::npos;
  if (response.status == unauthorized || response.status == forbidden)
    throw Error(ErrorKind::permanent, "object " + object_,
                address.url + " refuses to be read from (" + std::to_string(response.status) + ")",
                "Name another address by lpbm.ipfs_api or --ipfs-api; user and password are sent to hosts of the store "
                "alone.");
  return kinds_[address.url] = rpc ? Kind::rpc : Kind::gateway;
}

HttpRequest DagReader::block_request(const Address& address, const std::string& cid) {
  const std::string text = codec::cid_text(cid);
  if (kind_of(address) == Kind::rpc)
    return {.method = "POST", .url = address.url + "/api/v0/block/get?timeout=10m&arg=" + text};
  return {.method = "GET", .url = address.url + "/ipfs/" + text + "?format=raw"};
}

HttpRequest DagReader::range_request(const Address& address, const std::string& text, std::uint64_t offset,
                                     std::uint64_t length) {
  if (kind_of(address) == Kind::rpc)
    return {.method = "POST",
            .url = address.url + "/api/v0/cat?timeout=1h&arg=" + text + "&offset=" + std::to_string(offset) +
                   "&length=" + std::to_string(length)};
  HttpRequest out{.method = "GET", .url = address.url + "/ipfs/" + text};
  out.headers = {"Range: bytes=" + std::to_string(offset) + '-' + std::to_string(offset + length - 1)};
  return out;
}

HttpResponse DagReader::ask(const Address& address, const HttpRequest& request) {
  HttpResponse response = client(address).perform(request);
  if (response.status == ok || response.status == partial) return response;
  // What is not found here now may come yet; another refusal stays one.
  constexpr long not_found = 404, request_timeout = 408, too_early = 425, too_many = 429, server_error = 500;
  const long status = response.status;
  const bool later = status < 400 || status == not_found || status == request_timeout || status == too_early ||
                     status == too_many || status >= server_error;
  throw Error(later ? ErrorKind::retryable : ErrorKind::permanent, "object " + object_,
              address.url + " answers " + std::to_string(status) + ": " +
                  response.body.substr(0, std::min<std::size_t>(200, response.body.find('\n'))));
}

HttpClient& DagReader::client(const Address& address) {
  auto& out = clients_[address.url];
  if (!out) {
    HttpOptions options = options_;
    if (!address.trusted) options.credentials = {};
    out = std::make_unique<HttpClient>(std::move(options));
  }
  return *out;
}

}  // namespace lpbm::store
