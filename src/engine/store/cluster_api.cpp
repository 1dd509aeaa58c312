#include "store/cluster_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::store {
namespace {

using nlohmann::json;

// The format of the objects (docs/formats.md) in the words of the daemon.
constexpr const char* unixfs_options =
    "format=unixfs&cid-version=1&raw-leaves=true&chunker=size-262144&hash=sha2-256&layout=balanced";
// Without it errors come behind an answer that looks good.
constexpr const char* answer_options = "&stream-channels=false";

std::string step_of(const Address& address, const std::string& path) {
  return "asking the cluster at " + address.url + path.substr(0, path.find('?'));
}

// What the daemon says is wrong; else the beginning of what it sent.
std::string message_of(const HttpResponse& response) {
  const json body = json::parse(response.body, nullptr, false);
  if (body.is_object() && body.contains("message") && body["message"].is_string())
    return body["message"].get<std::string>();
  constexpr std::size_t enough = 200;
  return response.body.substr(0, std::min(enough, response.body.find('\n')));
}

[[noreturn]] void refuse(const std::string& step, const HttpResponse& response) {
  constexpr long unauthorized = 401, forbidden = 403, request_timeout = 408, too_many = 429, server_error = 500;
  const long status = response.status;
  const std::string message = message_of(response);
  const std::string cause = "the answer is " + std::to_string(status) + (message.empty() ? "" : ": " + message);
  if (status == unauthorized || status == forbidden)
    throw Error(ErrorKind::permanent, step, cause,
                "Put the cluster's user:password, or a token, into the file of lpbm.store_auth_file or "
                "--store-auth-file.");
  if (message.find("not enough peers") != std::string::npos)
    throw Error(ErrorKind::retryable, step, cause,
                "The cluster has too few healthy peers with free space for lpbm.replication_min; it is tried again.");
  const bool later = status >= server_error || status == request_timeout || status == too_many;
  throw Error(later ? ErrorKind::retryable : ErrorKind::permanent, step, cause,
              later ? "" : "Is this the REST API of IPFS Cluster (port 9094)?");
}

json parse_answer(const std::string& step, const HttpResponse& response) {
  constexpr long ok = 200, last_good = 299;
  if (response.status < ok || response.status > last_good) refuse(step, response);
  json out = json::parse(response.body, nullptr, false);
  if (out.is_discarded())
    throw Error(ErrorKind::retryable, step, "the answer is cut off or no JSON",
                "Is this the REST API of IPFS Cluster (port 9094)?");
  return out;
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Pin pin_of(const json& object) {
  Pin out;
  out.cid = text_of(object, "cid");
  out.name = text_of(object, "name");
  if (const auto found = object.find("metadata"); found != object.end() && found->is_object())
    for (const auto& [key, value] : found->items())
      if (value.is_string()) out.metadata[key] = value.get<std::string>();
  if (const auto found = object.find("allocations"); found != object.end() && found->is_array())
    for (const json& peer : *found)
      if (peer.is_string()) out.allocations.push_back(peer.get<std::string>());
  return out;
}

void count_peer(const json& peer, PinStatus& out) {
  const std::string status = text_of(peer, "status");
  if (status == "pinned") {
    ++out.pinned;
    return;
  }
  if (status == "remote" || status == "sharded") return;  // not meant to hold it
  if (status == "pinning" || status == "pin_queued") ++out.coming;
  if (status == "pin_error" || status == "unexpectedly_unpinned") out.error = true;
  const std::string error = text_of(peer, "error");
  const std::string name = text_of(peer, "peername");
  out.text += (out.text.empty() ? "" : ", ") + (name.empty() ? "a peer" : name) + " says " + status +
              (error.empty() ? "" : " (" + error + ")");
}

// A body of three pieces: what comes before the content, the content, what comes behind it.
class Multipart {
 public:
  explicit Multipart(Rereadable& content) : content_(content), boundary_("lpbm" + to_hex(codec::random_bytes(16))) {
    head_ = "--" + boundary_ +
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"object\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n";
    tail_ = "\r\n--" + boundary_ + "--\r\n";
  }
  [[nodiscard]] std::string type() const { return "Content-Type: multipart/form-data; boundary=" + boundary_; }
  [[nodiscard]] std::uint64_t size() const {
    const std::uint64_t content = content_.size();
    return content == unknown_size ? unknown_size : head_.size() + content + tail_.size();
  }
  std::size_t read(char* buffer, std::size_t size) {
    if (std::size_t got = piece(head_, in_head_, buffer, size)) return got;
    if (const std::size_t got = content_.read(in_content_, buffer, size)) {
      in_content_ += got;
      return got;
    }
    return piece(tail_, in_tail_, buffer, size);
  }

 private:
  static std::size_t piece(const std::string& text, std::size_t& at, char* buffer, std::size_t size) {
    const std::size_t count = std::min(size, text.size() - at);
    std::copy_n(text.data() + at, count, buffer);
    at += count;
    return count;
  }

  Rereadable& content_;
  std::string boundary_, head_, tail_;
  std::size_t in_head_ = 0, in_tail_ = 0;
  std::uint64_t in_content_ = 0;
};

}  // namespace

ClusterApi::ClusterApi(ClusterOptions options)
    : options_(std::move(options)),
      http_(options_.http),
      failover_(options_.addresses, options_.patience, options_.contacts) {}

// A daemon that hangs takes connections and requests for as long as anybody waits for it. So each is asked first what
// it answers at once, whatever it says.
HttpResponse ClusterApi::perform(const Address& address, const HttpRequest& request) {
  constexpr std::chrono::seconds at_once{5};
  Contacts& contacts = *options_.contacts;
  if (!contacts.is_awake(address)) {
    http_.perform({.method = "GET", .url = address.url + "/health", .stall_timeout = at_once});
    contacts.set_awake(address, true);
  }
  try {
    return http_.perform(request);
  } catch (const Error&) {
    contacts.set_awake(address, false);
    throw;
  }
}

HttpResponse ClusterApi::ask(const Address& address, const char* method, const std::string& path) {
  return perform(address, {.method = method, .url = address.url + path});
}

std::optional<Pin> ClusterApi::find_at(const Address& address, const std::string& cid) {
  const std::string path = "/allocations/" + cid;
  const HttpResponse response = ask(address, "GET", path);
  // Also the answer where the address is of something else: a cluster says it in JSON.
  constexpr long not_found = 404;
  if (response.status == not_found && json::parse(response.body, nullptr, false).is_object()) return std::nullopt;
  return pin_of(parse_answer(step_of(address, path), response));
}

// Whether the other addresses that answer say the same about a pin that one does not know.
bool ClusterApi::all_miss(const std::string& cid, std::optional<Pin>& found) {
  for (const Address& address : failover_.addresses()) try {
      if ((found = find_at(address, cid))) return false;
    } catch (const Error&) {  // one answer is enough
    }
  return true;
}

// Peers learn of pins and removals from each other, a little later: where they differ, what they say after a while
// counts, and a pin that one of them still knows is there.
std::optional<Pin> ClusterApi::find(const std::string& cid) {
  constexpr std::chrono::milliseconds pause{100};
  constexpr int rounds = 50;
  std::optional<Pin> out;
  for (int round = 0; round < rounds; ++round) {
    failover_.run([&](const Address& address) { out = find_at(address, cid); });
    if (out || all_miss(cid, out)) break;
    pause_for(pause, options_.patience.cancelled);
  }
  return out;
}

std::string ClusterApi::pin_options(const Pin& pin) const {
  std::string out = "replication-min=" + std::to_string(options_.replication_min) +
                    "&replication-max=" + std::to_string(options_.replication_max) + "&name=" + url_escape(pin.name);
  for (const auto& [key, value] : pin.metadata) out += "&meta-" + url_escape(key) + '=' + url_escape(value);
  std::string peers;
  for (const std::string& peer : pin.allocations) peers += (peers.empty() ? "" : ",") + peer;
  if (!peers.empty()) out += "&user-allocations=" + url_escape(peers);
  return out;
}

Pin ClusterApi::post_add(const Address& address, const Pin& pin, Rereadable& content, bool car) {
  Multipart body(content);
  const std::string path = std::string("/add?") + (car ? "format=car" : unixfs_options) + answer_options + '&';
  HttpRequest request{.method = "POST", .url = address.url + path + pin_options(pin)};
  request.headers = {body.type()};
  request.body = [&](char* buffer, std::size_t size) { return body.read(buffer, size); };
  request.body_size = body.size();
  const std::string step = step_of(address, path);
  const json answer = parse_answer(step, perform(address, request));
  if (!answer.is_array() || answer.empty() || !answer.back().is_object())
    throw Error(ErrorKind::retryable, step, "the answer names nothing that was added");
  const Pin added = pin_of(answer.back());
  Pin out = pin;
  out.cid = added.cid;
  out.allocations = added.allocations;
  return out;
}

Pin ClusterApi::add_at(const Address& address, const Pin& pin, Rereadable& content, bool car) {
  Pin added = post_add(address, pin, content, car);
  if (added.cid == pin.cid) return added;
  if (!added.cid.empty()) ask(address, "DELETE", "/pins/" + added.cid);
  throw Error(ErrorKind::retryable, step_of(address, "/add"),
              "the cluster stored " + added.cid + " where " + pin.cid + " was sent: the bytes changed on their way");
}

Pin ClusterApi::add_once(const Pin& pin, Rereadable& content) {
  return post_add(failover_.preferred(), pin, content, false);
}

ClusterApi::Added ClusterApi::add(const Pin& pin, Rereadable& content, bool car) {
  Added out;
  failover_.run([&](const Address& address) {
    auto found = find_at(address, pin.cid);
    out.was_there = found.has_value();
    out.pin = found ? std::move(*found) : add_at(address, pin, content, car);
  });
  return out;
}

void ClusterApi::pin(const Pin& pin) {
  const std::string path = "/pins/" + pin.cid + '?';
  failover_.run([&](const Address& address) {
    parse_answer(step_of(address, path), ask(address, "POST", path + pin_options(pin)));
  });
}

void ClusterApi::unpin(const std::string& cid) {
  const std::string path = "/pins/" + cid;
  constexpr long not_found = 404;
  const auto remove = [&](const Address& address) {
    const HttpResponse response = ask(address, "DELETE", path);
    if (response.status == not_found) return false;
    parse_answer(step_of(address, path), response);
    return true;
  };
  bool removed = false;
  failover_.run([&](const Address& address) { removed = remove(address); });
  for (const Address& address : failover_.addresses()) {
    if (removed) break;
    try {
      removed = remove(address);
    } catch (const Error&) {  // the one that answered does not know it
    }
  }
}

PinStatus ClusterApi::status(const std::string& cid) {
  const std::string path = "/pins/" + cid;
  PinStatus out;
  failover_.run([&](const Address& address) {
    const json answer = parse_answer(step_of(address, path), ask(address, "GET", path));
    out = {};
    if (const auto peers = answer.find("peer_map"); peers != answer.end() && peers->is_object())
      for (const auto& [id, peer] : peers->items()) count_peer(peer, out);
  });
  return out;
}

void ClusterApi::recover(const std::string& cid) {
  const std::string path = "/pins/" + cid + "/recover";
  failover_.run([&](const Address& address) { parse_answer(step_of(address, path), ask(address, "POST", path)); });
}

std::vector<Pin> ClusterApi::pins_at(const Address& address, const std::function<bool(const Pin&)>& wanted) {
  const std::string path = "/allocations";
  const std::string step = step_of(address, path);
  constexpr std::size_t max_line = 1 << 20;
  std::vector<Pin> out;
  std::string line;
  const auto end_line = [&] {
    if (line.empty()) return;
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) throw Error(ErrorKind::retryable, step, "a line of the answer is no JSON");
    Pin pin = pin_of(object);
    if (wanted(pin)) out.push_back(std::move(pin));
    line.clear();
  };
  HttpRequest request{.method = "GET", .url = address.url + path};
  request.on_body = [&](long, Bytes data) {
    for (std::size_t at = 0; at < data.size();) {
      const std::size_t end = std::min(data.find('\n', at), data.size());
      line.append(data.substr(at, end - at));
      if (line.size() > max_line) throw Error(ErrorKind::permanent, step, "a line of the answer has no end");
      if (end < data.size()) end_line();
      at = end + 1;
    }
  };
  const HttpResponse response = perform(address, request);
  constexpr long ok = 200, nothing = 204;
  if (response.status != ok && response.status != nothing) refuse(step, response);
  end_line();
  if (!response.stream_error.empty()) throw Error(ErrorKind::retryable, step, response.stream_error);
  return out;
}

// `asked` gets the address that answered.
std::vector<Pin> ClusterApi::ask_for_pins(const std::function<bool(const Pin&)>& wanted, std::string& asked) {
  std::vector<Pin> out;
  failover_.run([&](const Address& address) {
    out = pins_at(address, wanted);
    asked = address.url;
  });
  return out;
}

std::vector<Pin> ClusterApi::pins(const std::function<bool(const Pin&)>& wanted) {
  std::string asked;
  return ask_for_pins(wanted, asked);
}

std::vector<Pin> ClusterApi::pins_anywhere(const std::function<bool(const Pin&)>& wanted) {
  std::string asked;
  std::vector<Pin> out = ask_for_pins(wanted, asked);
  std::set<std::string> known;
  for (const Pin& pin : out) known.insert(pin.cid);
  for (const Address& address : failover_.addresses()) {
    if (address.url == asked) continue;
    try {
      for (Pin& pin : pins_at(address, wanted))
        if (known.insert(pin.cid).second) out.push_back(std::move(pin));
    } catch (const Error&) {  // one answer is enough
    }
  }
  return out;
}

}  // namespace lpbm::store
