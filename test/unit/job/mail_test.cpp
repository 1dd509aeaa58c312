#include "job/mail.h"

#include <fcntl.h>

#include <fstream>

#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

// No mail server is needed here: none answers at the port. The tests with one are test/e2e/02*_mail*.pl.
class Mail : public test::WithSite {
 protected:
  Mail() : events_(sink_.fd()) {
    request_ = {{"job", "mail"},
                {"settings",
                 {{"smtp_url", "smtp://127.0.0.1:1"}, {"mail_to", "a@example, b@example"}, {"mail_interval", 60000}}}};
  }
  json run() { return run_mail(*site_, request_, events_); }
  void journalled() {
    journal::Entry entry = new_delta();
    site_->journal().append(entry, site_->signing_key());
  }
  static journal::Entry new_delta() {
    journal::Entry entry;
    entry.name = "2026-11-21T12:00:00.000000Z-delta";
    entry.stream = "00112233aabbccdd";
    entry.started = entry.finished = 1'795'262'400'000'000;
    entry.from = {100};
    entry.to = {200};
    entry.encoding = "UTF8";
    entry.server_version = 150018;
    journal::Object object;
    object.name = "script";
    object.cid = entry.cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    object.sha256 = std::string(64, '0');
    object.codec = "age+zstd";
    entry.objects = {object};
    return entry;
  }

  File sink_ = File::open("/dev/null", O_WRONLY);
  Events events_;
  json request_;
};

TEST_F(Mail, JournalWithoutEntriesIsNoReasonForAMail) {
  const json result = run();
  EXPECT_TRUE(result["cause"].is_null());
  EXPECT_TRUE(result["next"].is_null());
  EXPECT_EQ(result["mailed"], 0);
  EXPECT_FALSE(std::filesystem::exists(site_->path("mail")));
}

TEST_F(Mail, MailThatCannotBeSentIsAPartOfTheResultAndKept) {
  journalled();
  const Micros before = now();
  const json result = run();
  EXPECT_NE(result["cause"].get<std::string>().find("mailing to a@example: "), std::string::npos);
  EXPECT_FALSE(result["hint"].get<std::string>().empty());
  EXPECT_GE(result["next"].get<Micros>(), before + 5'000'000);
  EXPECT_EQ(result["mailed"], 0);
  // Within the pause nothing is tried, and the reason is still told.
  const std::string state = read_file(site_->path("mail"));
  EXPECT_EQ(run()["cause"], result["cause"]);
  EXPECT_EQ(read_file(site_->path("mail")), state);
}

TEST_F(Mail, DamagedJournalIsToldAndHoldsUpNoAlert) {
  std::ofstream(site_->path("journal")) << "nothing\n";
  EXPECT_NE(run()["cause"].get<std::string>().find("reading journal"), std::string::npos);
  request_["problems"] = {{{"name", "delta"}, {"problem", "p"}, {"hint", "h"}, {"since", 0}}};
  EXPECT_NE(run()["cause"].get<std::string>().find("mailing to a@example: "), std::string::npos);
}

TEST_F(Mail, WhoAsksForAJournalThatIsNotThereIsTold) {
  std::filesystem::remove(site_->path("journal"));
  request_["asked"] = true;
  EXPECT_NE(run()["cause"].get<std::string>().find("there is none yet"), std::string::npos);
}

TEST_F(Mail, SettingsThatCannotBeAreErrorsWithHints) {
  const auto cause = [&](const char* name, const char* value) {
    const json saved = request_;
    request_["settings"][name] = value;
    const Error error = test::error_of([&] { run(); });
    EXPECT_FALSE(error.hint().empty()) << name;
    request_ = saved;
    return std::string(error.what());
  };
  EXPECT_NE(cause("mail_to", "").find("lpbm.mail_to is empty"), std::string::npos);
  EXPECT_NE(cause("mail_to", "a b").find("\"a b\""), std::string::npos);
  EXPECT_NE(cause("mail_from", "a@b, c@d").find("more than one address"), std::string::npos);
  EXPECT_NE(cause("smtp_user", "u").find("lpbm.smtp_password_file is empty"), std::string::npos);
}

}  // namespace
}  // namespace lpbm::job
