#include "notify/smtp.h"

#include <curl/curl.h>

#include <algorithm>
#include <exception>

namespace lpbm::notify {
namespace {

constexpr long connect_seconds = 30;
// RFC 5321 wants minutes of patience for an answer, above all after the data.
constexpr long answer_seconds = 120;
constexpr long total_seconds = 900;
constexpr std::size_t reply_limit = 400;

constexpr const char* login_hint =
    "See lpbm.smtp_user and lpbm.smtp_password_file; after a change reload, or call lpbm_mail_journal().";
constexpr const char* tls_hint =
    "Use a mail server with STARTTLS, or smtps://; lpbm.smtp_tls = off sends in clear text to a server of your own.";
constexpr const char* certificate_hint =
    "lpbm.smtp_url must name the server as its certificate does; for certificates of your own set lpbm.smtp_ca_file.";

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// The last thing that the server refused, in its own words: "550 5.1.1 no such user".
class Reply {
 public:
  void line(std::string_view text) {
    int code = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') return;
      code = code * 10 + (text[i] - '0');
    }
    constexpr int closing = 221;  // the answer to the QUIT after an error
    if (code >= 400) {
      code_ = code;
      text_.assign(text.substr(0, reply_limit));
      std::replace_if(
          text_.begin(), text_.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
      while (text_.ends_with(' ')) text_.pop_back();
    } else if (code != closing) {
      forget();
    }
  }
  void forget() { code_ = 0; }
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  int code_ = 0;
  std::string text_;
};

// An exception must not pass through libcurl: it is kept, and thrown behind it.
struct Reading {
  MessageSource source;
  std::exception_ptr error;
};

std::size_t read_message(char* buffer, std::size_t size, std::size_t count, void* argument) {
  auto* reading = static_cast<Reading*>(argument);
  try {
    return reading->source.read(buffer, size * count);
  } catch (...) {
    reading->error = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

std::size_t take_reply(char* data, std::size_t size, std::size_t count, void* argument) {
  static_cast<Reply*>(argument)->line({data, size * count});
  return size * count;
}

ErrorKind kind_of(const Reply& reply) {
  return reply.code() >= 500 ? ErrorKind::permanent : ErrorKind::retryable;
}

std::string hint_of(const Reply& reply) {
  constexpr int needs_login = 530;
  constexpr int too_large = 552;
  if (reply.code() == needs_login) return login_hint;
  if (reply.code() == too_large)
    return "The journal grows with each delta: let the mail server take larger mails, or take fulls more often.";
  if (reply.code() < 500) return "It is tried again by itself.";
  return "See lpbm.mail_to and lpbm.mail_from, and what the mail server accepts.";
}

[[noreturn]] void fail(CURLcode code, const std::string& step, const std::string& message, const Reply& reply) {
  constexpr int unavailable = 421;  // the server is going away: nothing of it concerns this mail
  switch (code) {
    case CURLE_LOGIN_DENIED:
      throw Error(reply.code() == 0 ? ErrorKind::permanent : kind_of(reply), step,
                  "the mail server refuses the login" + (reply.code() == 0 ? "" : ": " + reply.text()), login_hint);
    case CURLE_USE_SSL_FAILED:
      throw Error(ErrorKind::permanent, step, "the mail server offers no STARTTLS, and clear text is not allowed",
                  tls_hint);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      throw Error(ErrorKind::permanent, step, message, certificate_hint);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      throw Error(ErrorKind::permanent, step, message, "Use smtp://HOST:PORT or smtps://HOST:PORT.");
    default:
      break;
  }
  if (reply.code() >= 400 && reply.code() != unavailable)
    throw Refusal(kind_of(reply), step, "the mail server says: " + reply.text(), hint_of(reply));
  throw Error(ErrorKind::retryable, step, reply.code() == unavailable ? reply.text() : message,
              "It is tried again by itself; see lpbm.smtp_url and the mail server.");
}

}  // namespace

struct Smtp::State {
  SmtpServer server;
  std::unique_ptr<CURL, CurlDeleter> handle{curl_easy_init()};
  Reply reply;
  char error[CURL_ERROR_SIZE] = "";
};

Smtp::Smtp(SmtpServer server) : state_(std::make_unique<State>()) {
  state_->server = std::move(server);
  CURL* handle = state_->handle.get();
  if (!handle) throw Error(ErrorKind::retryable, "preparing the mail", "not enough memory");
  const SmtpServer& to = state_->server;
  curl_easy_setopt(handle, CURLOPT_URL, to.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");  // the server's environment is nobody's setting
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(to.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!to.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, to.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!to.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, to.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, to.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, answer_seconds);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT, total_seconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, answer_seconds);
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, read_message);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_reply);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &state_->reply);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state_->error);
}

Smtp::~Smtp() = default;

void Smtp::send(const Message& message, const std::string& recipient) {
  CURL* handle = state_->handle.get();
  const std::string step = "mailing to " + recipient;
  Reading reading{MessageSource(message), nullptr};
  const std::unique_ptr<curl_slist, ListDeleter> recipients(
      curl_slist_append(nullptr, ('<' + recipient + '>').c_str()));
  if (!recipients) throw Error(ErrorKind::retryable, step, "not enough memory");
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, ('<' + message.from.mailbox + '>').c_str());
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(handle, CURLOPT_READDATA, &reading);
  curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(reading.source.size()));
  state_->reply.forget();
  state_->error[0] = '\0';
  const CURLcode code = curl_easy_perform(handle);
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, nullptr);
  if (reading.error) std::rethrow_exception(reading.error);
  if (code == CURLE_OK) return;
  fail(code, step, state_->error[0] == '\0' ? curl_easy_strerror(code) : state_->error, state_->reply);
}

}  // namespace lpbm::notify
