#include "store/ipfs_store.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/error.h"
#include "store/ipfs_put.h"
#include "store/object_file.h"

namespace lpbm::store {
namespace {

using std::chrono::milliseconds;

constexpr char part_mark = '@';
constexpr unsigned cluster_port = 9094, reader_port = 5001;
constexpr const char* hint_missing =
    "The cluster has no pin of it; is this the store that the backup went to, and was it kept?";

[[noreturn]] void missing(const std::string& cid) {
  throw Error(ErrorKind::permanent, "object " + cid, "it is not in the store", hint_missing);
}

// A question whose answer is of no use after a while.
ClusterOptions impatient(ClusterOptions options) {
  options.patience.limit = milliseconds::zero();
  options.http.connect_timeout = std::min(options.http.connect_timeout, milliseconds(5000));
  options.http.stall_timeout = std::min(options.http.stall_timeout, milliseconds(15000));
  return options;
}

HttpOptions reading(HttpOptions options) {
  options.stall_timeout = std::min(options.stall_timeout, milliseconds(30'000));
  return options;
}

std::uint64_t size_of(const Pin& pin) {
  std::uint64_t out = 0;
  const auto found = pin.metadata.find("size");
  if (found != pin.metadata.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), out);
  return out;
}

std::vector<std::string> split(const std::string& text, char mark) {
  std::vector<std::string> out;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, mark);)
    if (!word.empty()) out.push_back(word);
  return out;
}

}  // namespace

std::vector<std::string> names_of(const Pin& pin) {
  std::vector<std::string> out{pin.name};
  if (const auto also = pin.metadata.find("also"); also != pin.metadata.end())
    for (std::string& name : split(also->second, ' ')) out.push_back(std::move(name));
  return out;
}

void set_names(Pin& pin, const std::vector<std::string>& names) {
  pin.name = names.front();
  pin.metadata.erase("also");
  for (std::size_t i = 1; i < names.size(); ++i) pin.metadata["also"] += (i == 1 ? "" : " ") + names[i];
}

IpfsStore::IpfsStore(IpfsOptions options)
    : options_(std::move(options)),
      prefix_(options_.site.empty() ? "" : name_prefix(options_.site)),
      api_(options_.cluster),
      reader_(options_.readers, reading(options_.cluster.http), options_.cluster.patience) {}

bool IpfsStore::is_own(const std::string& name) const {
  return !prefix_.empty() && name.starts_with(prefix_);
}

std::unique_ptr<Writer> IpfsStore::put(const std::string& name) {
  check_object_name(name);
  if (!is_own(name))
    throw Error(ErrorKind::permanent, "storing " + name, "the name is not one of the site \"" + options_.site + "\"");
  return std::make_unique<IpfsPut>(options_, prefix_, name);
}

// On the worst day the cluster may be gone and its nodes may still have the blocks.
void IpfsStore::check_is_there(const std::string& cid) {
  if (!codec::is_cid(cid)) missing(cid);
  if (cluster_is_away_) return;
  try {
    if (!ClusterApi(impatient(options_.cluster)).find(cid)) missing(cid);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::retryable) throw;
    cluster_is_away_ = true;
  }
}

void IpfsStore::get(const std::string& cid, Range range, Sink& sink) {
  check_is_there(cid);
  reader_.read(cid, range, sink);
}

void IpfsStore::confirm(const std::string& cid) {
  if (!codec::is_cid(cid)) missing(cid);
  const auto pin = api_.find(cid);
  if (!pin) missing(cid);
  wait_until_pinned(api_, *pin);
}

void IpfsStore::remove(const std::string& cid) {
  if (!codec::is_cid(cid)) return;
  auto pin = api_.find(cid);
  if (!pin) return;
  std::vector<std::string> names = names_of(*pin);
  if (std::erase_if(names, [&](const std::string& name) { return is_own(name); }) == 0) return;
  if (names.empty()) {
    api_.unpin(cid);
    return;
  }
  set_names(*pin, names);
  api_.pin(*pin);
}

namespace {

using NameWanted = std::function<bool(const std::string&)>;

// With one of the names that are wanted.
std::function<bool(const Pin&)> named(const NameWanted& wanted) {
  return [&wanted](const Pin& pin) {
    const auto names = names_of(pin);
    return std::any_of(names.begin(), names.end(), wanted);
  };
}

std::vector<Listed> listed(const std::vector<Pin>& pins, const NameWanted& wanted) {
  std::vector<Listed> out;
  for (const Pin& pin : pins)
    for (const std::string& name : names_of(pin))
      if (wanted(name)) out.push_back({name, pin.cid, size_of(pin)});
  return out;
}

}  // namespace

bool IpfsStore::is_object_below(const std::string& prefix, const std::string& name) const {
  return is_own(name) && name.starts_with(prefix) && name.find(part_mark) == std::string::npos;
}

std::vector<Listed> IpfsStore::list(const std::string& prefix) {
  const NameWanted wanted = [&](const std::string& name) { return is_object_below(prefix, name); };
  return listed(api_.pins(named(wanted)), wanted);
}

std::vector<Listed> IpfsStore::list_leftovers(const std::string& prefix) {
  const NameWanted wanted = [&](const std::string& name) { return is_object_below(prefix, name); };
  return listed(api_.pins_anywhere(named(wanted)), wanted);
}

std::vector<Listed> IpfsStore::journals() {
  constexpr std::string_view begin = "lpbm/", end = "/journal";
  const NameWanted wanted = [&](const std::string& name) {
    return name.starts_with(begin) && name.ends_with(end) && name.find('/', begin.size()) == name.size() - end.size();
  };
  return listed(api_.pins_anywhere(named(wanted)), wanted);
}

void IpfsStore::remove_unfinished(const std::vector<std::string>& prefixes, const std::set<std::string>& kept) {
  const auto is_meant = [&](const Pin& pin) {
    return is_own(pin.name) && pin.name.find(part_mark) != std::string::npos && !kept.contains(pin.cid) &&
           std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& one) { return pin.name.starts_with(one); });
  };
  for (const Pin& pin : api_.pins_anywhere(is_meant)) api_.unpin(pin.cid);
}

void wait_until_pinned(ClusterApi& api, const Pin& pin) {
  using Clock = std::chrono::steady_clock;
  const ClusterOptions& options = api.options();
  const Patience& patience = options.patience;
  constexpr milliseconds between_helps{15'000}, longest_pause{500}, quiet{2'000};
  // Peers that are about to hold it say by themselves when they do not get on (pin_error), but not soon.
  constexpr int more_patience = 10;
  auto last_change = Clock::now(), last_help = last_change;
  milliseconds pause{20};
  bool helped = false;
  for (int best = -1;; pause = std::min(pause * 3 / 2, longest_pause)) {
    const PinStatus status = api.status(pin.cid);
    if (status.pinned >= options.replication_min) return;
    const auto now = Clock::now();
    if (status.pinned > best) {
      best = status.pinned;
      last_change = now;
    }
    const bool coming = status.pinned + status.coming >= options.replication_min;
    const Error error(ErrorKind::retryable, "object " + pin.cid,
                      std::to_string(status.pinned) + " of " + std::to_string(options.replication_min) +
                          " peers hold it: " + (status.text.empty() ? "no peer is to" : status.text),
                      "Look at the peers of the cluster, or set lpbm.replication_min lower.");
    if (now - last_change > patience.limit * (coming ? more_patience : 1)) throw Error(error);
    if (!coming && (status.error || now - last_change > between_helps) &&
        (!helped || now - last_help > between_helps)) {
      // A pin that failed is tried again; one whose peers are gone goes to others.
      if (status.error) api.recover(pin.cid);
      Pin anew = pin;
      anew.allocations.clear();
      if (now - last_change > between_helps) api.pin(anew);
      helped = true;
      last_help = now;
    }
    if (now - last_change > quiet && patience.waiting) patience.waiting(error);
    if (patience.cancelled && patience.cancelled()) throw Error(error);
    pause_for(pause, patience.cancelled);
  }
}

namespace {

std::vector<Address> cluster_addresses(const std::string& url) {
  const std::string scheme = url.substr(0, url.find("//") + 2);  // "ipfs+http://"
  std::vector<Address> out;
  for (const std::string& host : split(url.substr(scheme.size()), ','))
    out.push_back(parse_address(scheme.substr(std::string_view("ipfs+").size()) + host, cluster_port));
  if (out.empty()) throw Error(ErrorKind::usage, "opening store \"" + url + "\"", "the host is missing");
  return out;
}

bool is_encrypted(const Address& address) {
  return address.url.starts_with("https:");
}

// Who we are is told to the cluster's hosts alone, and never in clear where the cluster itself is not told so.
std::vector<Address> reader_addresses(const Options& options, const std::vector<Address>& cluster) {
  std::vector<Address> out;
  for (const std::string& text : options.ipfs_api) {
    out.push_back(parse_address(text, reader_port));
    out.back().trusted = std::any_of(cluster.begin(), cluster.end(), [&](const Address& one) {
      return one.host == out.back().host && is_encrypted(one) <= is_encrypted(out.back());
    });
  }
  // A node beside each peer of the cluster, at its usual port.
  if (out.empty())
    for (const Address& one : cluster) {
      out.push_back(parse_address("http://" + one.host, reader_port));
      out.back().trusted = !is_encrypted(one);
    }
  return out;
}

}  // namespace

std::unique_ptr<Store> open_ipfs_store(const Options& options) {
  const auto refuse = [&](const char* cause) {
    throw Error(ErrorKind::usage, "opening store \"" + options.url + "\"", cause);
  };
  if (options.replication_min < 1 || options.replication_max < options.replication_min)
    refuse("replication_min is to be at least 1 and at most replication_max");
  IpfsOptions out;
  out.cluster.addresses = cluster_addresses(options.url);
  out.cluster.http.credentials = read_credentials(options.auth_file);
  out.cluster.http.ca_file = options.ca_file;
  out.cluster.http.stall_timeout = options.stall_timeout;
  out.cluster.http.connect_timeout = std::min(options.stall_timeout, out.cluster.http.connect_timeout);
  out.cluster.patience.limit = options.patience;
  if (options.waiting)
    out.cluster.patience.waiting = [told = options.waiting](const Error& error) { told(error.what()); };
  out.cluster.replication_min = options.replication_min;
  out.cluster.replication_max = options.replication_max;
  out.readers = reader_addresses(options, out.cluster.addresses);
  out.site = options.site;
  out.directory = options.directory;
  out.part_size = options.part_size;
  return std::make_unique<IpfsStore>(std::move(out));
}

}  // namespace lpbm::store
