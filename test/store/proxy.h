// A TCP proxy that does to a connection what networks do: cuts it in the middle, or lets no answer through.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lpbm::store {

class Proxy {
 public:
  // Listens on a free port of the loopback; `target` is "http://127.0.0.1:<port>".
  explicit Proxy(const std::string& target);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  enum class Fault {
    cut_answer,     // closes after `bytes` of the answer
    cut_request,    // closes after `bytes` of the request
    hold_answer,    // the request goes through, and nothing after `bytes` of the answer comes back
    damage_answer,  // one bit is another, `bytes` behind the beginning of the answer
  };
  // The next `times` requests that begin with `request` ("POST /add") meet it.
  void expect(const std::string& request, Fault fault, std::uint64_t bytes, int times = 1);
  // How many requests have met a fault.
  [[nodiscard]] int met() const { return met_; }

 private:
  struct Rule {
    std::string request;
    Fault fault;
    std::uint64_t bytes;
    int times;
  };
  void accept_all();
  void serve(int client);
  bool take(const std::string& head, Rule& out);

  int listener_ = -1;
  unsigned port_ = 0, target_ = 0;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> met_ = 0;
  std::mutex mutex_;
  std::vector<Rule> rules_;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

}  // namespace lpbm::store
