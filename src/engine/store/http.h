// HTTP by libcurl, as the stores in a network use it: one connection kept open, bodies streamed both ways, nothing
// longer than a mebibyte kept in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"

namespace lpbm::store {

// Who we are: a user with a password (Basic), a token (Bearer), or nobody.
struct Credentials {
  std::string user_password, token;
};
// Of a file with `user:password` or a token alone; an empty path is nobody. Throws Error as read_secret() does.
Credentials read_credentials(const std::string& path);

struct HttpOptions {
  Credentials credentials;
  std::string ca_file;  // PEM; empty: the system's
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};  // without a byte in either direction
  std::function<bool()> cancelled;                  // asked often while waiting; may be empty
};

constexpr std::uint64_t unknown_size = UINT64_MAX;

struct HttpRequest {
  std::string method, url;
  std::vector<std::string> headers{};
  // Gives the next bytes of the body, at most `size`, 0 at its end; empty: no body.
  std::function<std::size_t(char* buffer, std::size_t size)> body{};
  std::uint64_t body_size = 0;  // unknown_size: sent in chunks
  // Takes the body of an answer 200 or 206; what it throws ends the request and is thrown on. Empty: kept in `body`.
  std::function<void(long status, Bytes)> on_body{};
  // A question that is answered at once, if at all: no longer than this without a byte.
  std::optional<std::chrono::milliseconds> stall_timeout{};
};

struct HttpResponse {
  long status = 0;
  std::string body;          // of an error, or without on_body
  std::string stream_error;  // the trailer X-Stream-Error: what was answered is not complete
};

// For one thread at a time.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  // Returns whatever was answered whole. Throws Error: retryable for what the network does (refused, cut, no answer in
  // time), permanent for an address or a certificate that cannot be used.
  HttpResponse perform(const HttpRequest& request);
  [[nodiscard]] const HttpOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For a query.
std::string url_escape(const std::string& text);

struct Address {
  std::string url;      // "http://host:port[/path]", no slash at its end
  std::string host;     // "host"
  bool trusted = true;  // may be told who we are
};
// Throws Error (usage) for what is no http or https address, or holds a user, a password or a query. A missing port is
// `port`.
Address parse_address(const std::string& text, unsigned port);

}  // namespace lpbm::store
