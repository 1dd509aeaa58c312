#include "job/mail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/encoding.h"
#include "codec/crypto.h"
#include "job/mail_journal.h"
#include "notify/letter.h"
#include "notify/smtp.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using notify::Letter;

// What the mail settings say. They are nobody else's.
struct MailSettings {
  notify::SmtpServer server;
  notify::Address from;
  std::vector<notify::Address> to;
  std::string prefix;
  Micros interval = 0;
};

std::string setting(const json& settings, const char* name) {
  return optional_text_member(settings, name).value_or("");
}

std::string host_name() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

notify::Address sender(const json& settings, const std::string& user) {
  const auto given = notify::parse_addresses(setting(settings, "mail_from"));
  if (given.size() > 1)
    throw Error(ErrorKind::usage, "reading lpbm.mail_from", "it holds more than one address", "Name one sender.");
  if (!given.empty()) return given.front();
  if (user.find('@') != std::string::npos) return {"", user};
  return {"", "lpbm@" + host_name()};
}

std::string file_below(const Settings& site, const std::string& path) {
  return path.empty() ? path : (site.data_directory / path).lexically_normal().string();
}

MailSettings parse_settings(const Site& site, const json& settings) {
  MailSettings out;
  out.server.url = setting(settings, "smtp_url");
  out.server.starttls = setting(settings, "smtp_tls") != "off";
  out.server.user = setting(settings, "smtp_user");
  out.server.ca_file = file_below(site.settings(), setting(settings, "smtp_ca_file"));
  out.from = sender(settings, out.server.user);
  out.to = notify::parse_addresses(setting(settings, "mail_to"));
  if (out.to.empty())
    throw Error(ErrorKind::usage, "mailing", "lpbm.smtp_url is set, but lpbm.mail_to is empty",
                "Set lpbm.mail_to to the addresses that are to have the journal.");
  const std::string password = file_below(site.settings(), setting(settings, "smtp_password_file"));
  if (!out.server.user.empty() && password.empty())
    throw Error(ErrorKind::usage, "mailing", "lpbm.smtp_user is set, but lpbm.smtp_password_file is empty",
                "Name the file with the password, mode 0600.");
  if (!out.server.user.empty()) out.server.password = read_secret(password);
  out.prefix = setting(settings, "mail_subject_prefix");
  const auto interval = settings.find("mail_interval");
  if (interval != settings.end() && interval->is_number_integer()) out.interval = interval->get<Micros>() * 1000;
  return out;
}

notify::Situation parse_situation(const json& request, const MailSettings& settings) {
  notify::Situation out;
  out.now = now();
  out.interval = settings.interval;
  out.asked = request.value("asked", false);
  out.again = request.value("again", false);
  for (const json& trouble : request.value("problems", json::array()))
    out.troubles.push_back({text_member(trouble, "name"), text_member(trouble, "problem"), text_member(trouble, "hint"),
                            trouble.value("since", Micros{0})});
  for (const json& name : request.value("good", json::array()))
    if (name.is_string()) out.good.push_back(name.get<std::string>());
  return out;
}

// The store as it is to be named elsewhere.
void describe_store(const Settings& settings, notify::Subject& out) {
  constexpr std::string_view scheme = "file:";
  out.store = settings.store;
  if (settings.store.starts_with(scheme)) {
    const std::filesystem::path path = (settings.directory / settings.store.substr(scheme.size())).lexically_normal();
    out.store = std::string(scheme) + path.string();
    out.store_on_server = store_is_on_server(settings);
    return;
  }
  if (!settings.ipfs_api.empty()) out.store_options = "--ipfs-api " + notify::shell_word(settings.ipfs_api);
  const auto option = [&](const std::string& file, const char* text) {
    if (!file.empty()) out.store_options += (out.store_options.empty() ? "" : " ") + std::string(text);
  };
  option(settings.store_auth_file, "--store-auth-file STORE_AUTH");
  option(settings.store_ca_file, "--store-ca-file STORE_CA");
}

class MailJob {
 public:
  MailJob(const Site& site, const json& request, Events& events)
      : site_(site),
        events_(events),
        settings_(parse_settings(site, request.at("settings"))),
        situation_(parse_situation(request, settings_)),
        path_(site.path("mail")) {
    read_journal();
    subject_.prefix = settings_.prefix;
    subject_.site = site.settings().site;
    subject_.database = site.settings().database;
    subject_.server_version = site.settings().server_version;
    subject_.recipients = site.settings().recipients;
    if (journal_) subject_.key = journal_->header().key;
    if (journal_ && (situation_.asked || !journal_->newest().empty())) situation_.journal = journal_->identity();
    describe_store(site.settings(), subject_);
    if (std::error_code ignored; std::filesystem::exists(path_, ignored))
      outbox_ = notify::Outbox::parse(read_file(path_));
  }

  json run() {
    std::vector<std::string> recipients;
    for (const notify::Address& address : settings_.to) recipients.push_back(address.mailbox);
    outbox_.prepare(recipients, situation_);
    // Could it not be kept what was sent, it would be sent again and again: then rather nothing.
    if (std::any_of(recipients.begin(), recipients.end(),
                    [&](const std::string& recipient) { return !outbox_.due(recipient, situation_).empty(); }))
      save();
    notify::Smtp smtp(settings_.server);
    for (const std::string& recipient : recipients)
      for (const Letter& letter : outbox_.due(recipient, situation_)) send(smtp, recipient, letter);
    if (unsaved_) save();
    return result();
  }

 private:
  // A damaged journal is a reason to mail what is wrong, not to be silent.
  void read_journal() {
    try {
      journal_ = MailJournal::read(site_.path("journal"));
    } catch (const Error& error) {
      first_failure_ = error;
    }
    if (situation_.asked && !journal_ && !first_failure_)
      first_failure_ = Error(ErrorKind::retryable, "mailing the journal", "there is none yet",
                             "See the rows named problem of lpbm_status.");
  }

  void send(notify::Smtp& smtp, const std::string& recipient, const Letter& letter) {
    bool written = false;
    try {
      const notify::Message mail = message(letter);
      written = true;
      if (server_problem_) throw Error(*server_problem_);
      events_.progress("sending", sent_, std::nullopt, "mails");
      smtp.send(mail, recipient);
      ++sent_;
      outbox_.sent(recipient, letter, situation_);
    } catch (const notify::Refusal& refusal) {
      fail(recipient, letter, refusal);
    } catch (const Error& error) {
      if (written) server_problem_ = error;
      fail(recipient, letter, error);
    }
    // Whom the mail has not reached yet is not to go without it.
    try {
      save();
      unsaved_ = false;
    } catch (const Error&) {
      unsaved_ = true;
    }
  }

  void fail(const std::string& recipient, const Letter& letter, const Error& error) {
    if (!first_failure_) first_failure_ = error;
    outbox_.failed(recipient, letter, situation_, error, now());
  }

  // The same mail has the same identifier when it is sent again, so that a mailbox may know it; one that somebody asked
  // for is another each time.
  [[nodiscard]] std::string identifier(const Letter& letter) const {
    std::string what = situation_.journal;
    if (letter.kind != Letter::Kind::journal)
      what = (letter.kind == Letter::Kind::over ? "over\n" : "problem\n") + letter.trouble.name + '\n' +
             letter.trouble.text + '\n' + std::to_string(letter.trouble.since);
    if (situation_.asked) what += '\n' + std::to_string(situation_.now);
    const std::string hash = to_hex(codec::sha256(subject_.site + '\n' + subject_.key + '\n' + what)).substr(0, 32);
    const std::size_t at = settings_.from.mailbox.find('@');
    return hash + '@' + (at == std::string::npos ? "localhost" : settings_.from.mailbox.substr(at + 1));
  }

  notify::Message message(const Letter& letter) {
    notify::Message out;
    out.from = settings_.from;
    out.to = settings_.to;
    out.date = situation_.now;
    out.id = identifier(letter);
    notify::Text text;
    if (letter.kind == Letter::Kind::journal) {
      out.attachment = journal_->attachment(subject_.site, site_.settings().directory);
      text = notify::journal_letter(subject_, journal_->newest(), out.attachment->name);
    } else if (letter.kind == Letter::Kind::trouble) {
      text = notify::trouble_letter(subject_, letter.trouble);
    } else {
      text = notify::over_letter(subject_, letter.trouble, situation_.now);
    }
    out.subject = std::move(text.subject);
    out.text = std::move(text.body);
    return out;
  }

  // On a full disk, of which a mail is to tell, there is still the place that the file has.
  void save() {
    // Blanks behind it, so that what it grows to has its place already.
    constexpr std::size_t place = 64 << 10;
    std::string text = outbox_.text();
    text.resize((text.size() / place + 1) * place, ' ');
    try {
      replace_file(path_, text);
    } catch (const Error&) {
      if (std::error_code ignored; !std::filesystem::exists(path_, ignored)) throw;
      File file = File::open(path_, O_WRONLY);
      file.write_all(text);
      if (::ftruncate(file.fd(), static_cast<off_t>(text.size())) != 0) throw_errno("writing " + file.path(), errno);
      file.sync();
    }
  }

  [[nodiscard]] json result() const {
    notify::Situation later = situation_;
    later.asked = later.again = false;
    later.now = now();
    if (!journal_ || journal_->newest().empty()) later.journal.clear();
    json out{{"next", nullptr},
             {"journal_after", outbox_.journal_after(later)},
             {"mailed", outbox_.mailed()},
             {"sent", sent_},
             {"cause", nullptr},
             {"hint", ""}};
    if (const auto next = outbox_.next(later)) out["next"] = *next;
    // What failed in this run is the answer to who asked for it; the rest is what is still waited for.
    if (const auto problem = outbox_.problem()) {
      out["cause"] = problem->cause;
      out["hint"] = problem->hint;
    } else if (first_failure_) {
      out["cause"] = first_failure_->what();
      out["hint"] = first_failure_->hint();
    }
    return out;
  }

  const Site& site_;
  Events& events_;
  MailSettings settings_;
  notify::Situation situation_;
  std::optional<MailJournal> journal_;
  std::filesystem::path path_;
  notify::Outbox outbox_;
  notify::Subject subject_;
  std::optional<Error> server_problem_, first_failure_;
  std::uint64_t sent_ = 0;
  bool unsaved_ = false;  // the file does not say what this run has sent
};

}  // namespace

json run_mail(const Site& site, const json& request, Events& events) {
  const FileLock lock(site.path("mail.lock"));
  return MailJob(site, request, events).run();
}

}  // namespace lpbm::job
