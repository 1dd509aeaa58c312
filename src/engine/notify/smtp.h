// Sending mails by SMTP (libcurl).
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "notify/message.h"

namespace lpbm::notify {

struct SmtpServer {
  std::string url;       // smtp://host[:port] or smtps://host[:port]
  bool starttls = true;  // smtp://: nothing is said before the connection is encrypted; false: it never is
  std::string user, password;
  std::string ca_file;  // PEM; empty: the system's certificates
};

// The server answered, and refused this mail or its recipient (retryable: 4xx, permanent: 5xx). Another mail may fare
// better; after any other Error of send() none will.
class Refusal : public Error {
 public:
  using Error::Error;
};

// One connection for any number of mails, made when needed. Used by one thread.
class Smtp {
 public:
  explicit Smtp(SmtpServer server);
  ~Smtp();
  Smtp(const Smtp&) = delete;
  Smtp& operator=(const Smtp&) = delete;
  // Returns once the server has taken the message over for this one recipient, whatever its header says. Throws Error:
  // retryable (not reachable, timed out, a 4xx) or permanent (login, certificate, no STARTTLS, a 5xx). No text of it
  // holds the password.
  void send(const Message& message, const std::string& recipient);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm::notify
