#include "store/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>

namespace lpbm::store {
namespace {

sockaddr_in loopback(unsigned port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool begins_request(const std::string& text) {
  return text.starts_with("GET ") || text.starts_with("POST ") || text.starts_with("DELETE ");
}

}  // namespace

Proxy::Proxy(const std::string& target)
    : target_(static_cast<unsigned>(std::stoul(target.substr(target.rfind(':') + 1)))) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0)
    throw std::runtime_error("the proxy has no port");
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { accept_all(); });
}

Proxy::~Proxy() {
  stopped_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  for (std::thread& one : connections_) one.join();
}

void Proxy::expect(const std::string& request, Fault fault, std::uint64_t bytes, int times) {
  const std::lock_guard lock(mutex_);
  rules_.push_back({request, fault, bytes, times});
}

bool Proxy::take(const std::string& head, Rule& out) {
  const std::lock_guard lock(mutex_);
  for (Rule& rule : rules_)
    if (rule.times > 0 && head.starts_with(rule.request)) {
      --rule.times;
      ++met_;
      out = rule;
      return true;
    }
  return false;
}

void Proxy::accept_all() {
  while (!stopped_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client] { serve(client); });
  }
}

// One request follows the other; what follows an answer begins the next request.
void Proxy::serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_);
  std::optional<Rule> rule;
  std::uint64_t asked = 0, answered = 0;
  std::string buffer(65536, '\0');
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open && !stopped_) {
    pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, 100) <= 0) continue;
    for (int side = 0; side < 2 && open; ++side) {
      if (both[side].revents == 0) continue;
      const ssize_t got = ::recv(both[side].fd, buffer.data(), buffer.size(), 0);
      open = got > 0;
      if (!open) break;
      auto size = static_cast<std::uint64_t>(got);
      if (side == 0 && begins_request(buffer.substr(0, 8))) {
        Rule found;
        rule = take(buffer.substr(0, size), found) ? std::optional(found) : std::nullopt;
        asked = answered = 0;
      }
      std::uint64_t& passed = side == 0 ? asked : answered;
      const bool hit = rule && (rule->fault == Fault::cut_request) == (side == 0);
      const bool damage = hit && rule->fault == Fault::damage_answer;
      if (damage && rule->bytes >= passed && rule->bytes < passed + size) buffer[rule->bytes - passed] ^= 1;
      if (hit && !damage) size = std::min(size, rule->bytes > passed ? rule->bytes - passed : 0);
      passed += size;
      open = send_all(side == 0 ? server : client, buffer.data(), size);
      if (hit && passed >= rule->bytes && rule->fault != Fault::hold_answer && !damage) open = false;
    }
  }
  ::close(server);
  ::close(client);
}

}  // namespace lpbm::store
