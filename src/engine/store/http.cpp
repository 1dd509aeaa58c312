#include "store/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <mutex>

#include "base/error.h"
#include "base/file.h"

namespace lpbm::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_kept = 1 << 20;
constexpr long buffer_size = 1 << 18;

struct Transfer {
  const HttpRequest& request;
  const HttpOptions& options;
  CURL* curl;
  HttpResponse response{};
  std::exception_ptr failure{};
  Clock::time_point last = Clock::now();  // when a byte last went either way
  bool stalled = false, too_long = false;

  Clock::duration stall_timeout() const {
    return std::min(request.stall_timeout.value_or(options.stall_timeout), options.stall_timeout);
  }
  long status() const {
    long out = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out);
    return out;
  }
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* argument) {
  Transfer& transfer = *static_cast<Transfer*>(argument);
  const long status = transfer.status();
  const bool wanted = (status == 200 || status == 206) && transfer.request.on_body;
  try {
    if (wanted)
      transfer.request.on_body(status, {data, size});
    else if (transfer.response.body.size() + size <= max_kept)
      transfer.response.body.append(data, size);
    else
      transfer.too_long = true;
  } catch (...) {
    transfer.failure = std::current_exception();
  }
  transfer.last = Clock::now();  // after what may have waited
  return transfer.failure || transfer.too_long ? 0 : size;
}

std::size_t give_body(char* buffer, std::size_t, std::size_t size, void* argument) {
  Transfer& transfer = *static_cast<Transfer*>(argument);
  try {
    const std::size_t given = transfer.request.body(buffer, size);
    transfer.last = Clock::now();  // after what may have waited
    return given;
  } catch (...) {
    transfer.failure = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* argument) {
  Transfer& transfer = *static_cast<Transfer*>(argument);
  transfer.last = Clock::now();
  constexpr std::string_view name = "x-stream-error:";
  const std::string_view line(data, size);
  for (std::size_t i = 0; i < name.size(); ++i)
    if (i >= size || std::tolower(static_cast<unsigned char>(line[i])) != name[i]) return size;
  const std::size_t first = line.find_first_not_of(" \t", name.size());
  const std::size_t last = line.find_last_not_of(" \t\r\n");
  if (first != std::string_view::npos && last >= first)
    transfer.response.stream_error = line.substr(first, last - first + 1);
  return size;
}

int watch(void* argument, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  Transfer& transfer = *static_cast<Transfer*>(argument);
  if (transfer.options.cancelled && transfer.options.cancelled()) return 1;
  transfer.stalled = Clock::now() - transfer.last > transfer.stall_timeout();
  return transfer.stalled ? 1 : 0;
}

std::string lower_first(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// The address without what follows "?": names and numbers of no interest.
std::string step_of(const HttpRequest& request) {
  return request.method + ' ' + request.url.substr(0, request.url.find('?'));
}

[[noreturn]] void fail(const Transfer& transfer, CURLcode code, const char* message) {
  const std::string step = step_of(transfer.request);
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (transfer.stalled)
    throw Error(ErrorKind::retryable, step,
                "nothing came for " +
                    std::to_string(std::chrono::ceil<std::chrono::seconds>(transfer.stall_timeout()).count()) + " s");
  if (transfer.too_long) throw Error(ErrorKind::permanent, step, "the answer is longer than such an answer can be");
  if (code == CURLE_ABORTED_BY_CALLBACK) throw Error(ErrorKind::retryable, step, "it was given up");
  const std::string cause = lower_first(*message ? message : curl_easy_strerror(code));
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      throw Error(ErrorKind::permanent, step, cause,
                  "Name the file with the certificates to trust by lpbm.store_ca_file or --store-ca-file.");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_FAILED_INIT:
      throw Error(ErrorKind::permanent, step, cause);
    default:
      throw Error(ErrorKind::retryable, step, cause);
  }
}

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct Headers {
  curl_slist* list = nullptr;
  Headers() = default;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

}  // namespace

struct HttpClient::State {
  HttpOptions options;
  CURL* curl = nullptr;
  char message[CURL_ERROR_SIZE] = "";

  void prepare(Transfer& transfer, const Headers& headers);
  void identify();
};

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>()) {
  initialise_curl();
  state_->options = std::move(options);
  state_->curl = curl_easy_init();
  if (!state_->curl) throw Error(ErrorKind::retryable, "preparing HTTP", "out of memory");
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(state_->curl);
}

const HttpOptions& HttpClient::options() const {
  return state_->options;
}

void HttpClient::State::identify() {
  const Credentials& who = options.credentials;
  if (!who.token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, who.token.c_str());
  } else if (!who.user_password.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERPWD, who.user_password.c_str());
  }
}

void HttpClient::State::prepare(Transfer& transfer, const Headers& headers) {
  const HttpRequest& request = transfer.request;
  curl_easy_reset(curl);  // options only: the connection stays
  message[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, buffer_size);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, buffer_size);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  identify();
  if (request.body) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    const bool known = request.body_size != unknown_size;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, known ? static_cast<curl_off_t>(request.body_size) : -1);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, &transfer);
  } else if (request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
  } else if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

HttpResponse HttpClient::perform(const HttpRequest& request) {
  Headers headers;
  headers.add("Expect:");
  for (const std::string& line : request.headers) headers.add(line);
  if (request.body && request.body_size == unknown_size) headers.add("Transfer-Encoding: chunked");
  Transfer transfer{request, state_->options, state_->curl};
  state_->prepare(transfer, headers);
  const CURLcode code = curl_easy_perform(state_->curl);
  transfer.response.status = transfer.status();
  // A daemon that refuses early closes the connection under our hands; its answer counts.
  const bool refused = transfer.response.status >= 400 && !transfer.failure && !transfer.stalled;
  if (code != CURLE_OK && !(refused && code == CURLE_SEND_ERROR)) fail(transfer, code, state_->message);
  return std::move(transfer.response);
}

std::string url_escape(const std::string& text) {
  constexpr const char* digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

Credentials read_credentials(const std::string& path) {
  if (path.empty()) return {};
  const std::string secret = read_secret(path);
  if (secret.empty()) throw Error(ErrorKind::permanent, "reading " + path, "it is empty");
  if (secret.find(':') != std::string::npos) return {secret, {}};
  return {{}, secret};
}

Address parse_address(const std::string& text, unsigned port) {
  const auto refuse = [&](const char* cause) {
    throw Error(ErrorKind::usage, "reading the address \"" + text + "\"", cause,
                "Use http://HOST:PORT or https://HOST:PORT, several separated by commas.");
  };
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  const auto part = [&](CURLUPart which) {
    char* value = nullptr;
    std::string out;
    if (curl_url_get(url.get(), which, &value, 0) == CURLUE_OK) out = value;
    curl_free(value);
    return out;
  };
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) refuse("it is no address");
  Address out;
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") refuse("it begins neither with http:// nor with https://");
  out.host = part(CURLUPART_HOST);
  if (out.host.empty()) refuse("the host is missing");
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) refuse("it holds a user or a password");
  if (!part(CURLUPART_QUERY).empty() || !part(CURLUPART_FRAGMENT).empty()) refuse("it holds more than host and path");
  const std::string given = part(CURLUPART_PORT);
  std::string path = part(CURLUPART_PATH);
  while (path.ends_with('/')) path.pop_back();
  out.url = scheme + "://" + out.host + ':' + (given.empty() ? std::to_string(port) : given) + path;
  return out;
}

}  // namespace lpbm::store
