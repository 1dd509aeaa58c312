#include "notify/outbox.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace lpbm::notify {
namespace {

using nlohmann::json;

constexpr Micros second = 1'000'000;
// What heals by its first retry is not worth a mail.
constexpr Micros grace = 5 * second;
constexpr Micros first_pause = 5 * second;
constexpr Micros longest_pause = 600 * second;           // the server may be back any moment
constexpr Micros longest_pause_refused = 3600 * second;  // somebody has to do something first
constexpr std::size_t texts_told = 5;                    // of one trouble, before it is over
constexpr std::uint64_t version = 1;

// A time to wait for, unless it is so far away that the clock must have been set back meanwhile.
Micros wait_until(Micros time, Micros most, Micros now) {
  return time > now + most ? now : time;
}

// The text without what differs between two reports of the same: each word with a digit in it (numbers, times, CIDs).
std::string distinct(const std::string& text) {
  std::string out, word;
  const auto end_word = [&] {
    const bool digit = std::any_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    out += digit ? "#" : word;
    word.clear();
  };
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
      continue;
    }
    end_word();
    out += c;
  }
  end_word();
  return out;
}

json to_json(const Trouble& trouble) {
  return {{"name", trouble.name}, {"text", trouble.text}, {"hint", trouble.hint}, {"since", trouble.since}};
}

Trouble trouble_of(const json& object) {
  return {object.at("name").get<std::string>(), object.at("text").get<std::string>(),
          object.at("hint").get<std::string>(), object.at("since").get<Micros>()};
}

}  // namespace

Outbox Outbox::parse(const std::string& text) {
  const auto retry = [](const json& in) {
    return Retry{in.at("failures").get<int>(), in.at("after").get<Micros>(), 0, in.at("cause").get<std::string>(),
                 in.at("hint").get<std::string>()};
  };
  try {
    Outbox out;
    const json root = json::parse(text);
    if (root.at("version") != version) return {};
    for (const auto& [recipient, in] : root.at("recipients").items()) {
      Box& box = out.boxes_[recipient];
      box.journal = in.at("journal").get<std::string>();
      box.sent = in.at("sent").get<Micros>();
      box.journal_retry = retry(in.at("journal_retry"));
      box.alert_retry = retry(in.at("alert_retry"));
      for (const json& alert : in.at("alerts")) {
        Trouble last = trouble_of(alert.at("last"));
        const std::string name = last.name;
        box.alerts[name] = {std::move(last), alert.at("told").get<std::vector<std::string>>(),
                            alert.at("at").get<Micros>(), alert.at("over").get<bool>()};
      }
    }
    return out;
  } catch (const json::exception&) {
    return {};
  }
}

std::string Outbox::text() const {
  const auto retry = [](const Retry& in) {
    return json{{"failures", in.failures}, {"after", in.after}, {"cause", in.cause}, {"hint", in.hint}};
  };
  json recipients = json::object();
  for (const auto& [recipient, box] : boxes_) {
    json alerts = json::array();
    for (const auto& [name, alert] : box.alerts)
      alerts.push_back({{"last", to_json(alert.last)}, {"told", alert.told}, {"at", alert.at}, {"over", alert.over}});
    recipients[recipient] = {{"journal", box.journal},
                             {"sent", box.sent},
                             {"journal_retry", retry(box.journal_retry)},
                             {"alert_retry", retry(box.alert_retry)},
                             {"alerts", std::move(alerts)}};
  }
  const json root{{"version", version}, {"recipients", std::move(recipients)}};
  return root.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

void Outbox::pending_alerts(const Box& box, const Situation& situation, std::vector<Pending>& out) {
  const Micros now = situation.now;
  const auto later = [&](Micros at) { return wait_until(at + situation.interval, situation.interval, now); };
  // Two jobs that fail for the same cause are one trouble.
  const auto told_of_another = [&](const Trouble& trouble) {
    return std::any_of(box.alerts.begin(), box.alerts.end(), [&](const auto& item) {
      const auto& told = item.second.told;
      return item.first != trouble.name && !item.second.over &&
             std::find(told.begin(), told.end(), distinct(trouble.text)) != told.end();
    });
  };
  for (const Trouble& trouble : situation.troubles) {
    if (told_of_another(trouble)) continue;
    Micros when = wait_until(trouble.since + grace, grace, now);
    if (const auto found = box.alerts.find(trouble.name); found != box.alerts.end()) {
      const Alert& alert = found->second;
      const auto& told = alert.told;
      const bool known = std::find(told.begin(), told.end(), distinct(trouble.text)) != told.end();
      if (!alert.over && (known || told.size() >= texts_told)) continue;
      when = std::max(when, later(alert.at));
    }
    out.push_back({{Letter::Kind::trouble, trouble}, when});
  }
  for (const auto& [name, alert] : box.alerts) {
    const bool good = std::find(situation.good.begin(), situation.good.end(), name) != situation.good.end();
    if (!alert.over && good) out.push_back({{Letter::Kind::over, alert.last}, now});
  }
}

std::vector<Outbox::Pending> Outbox::pending(const Box& box, const Situation& situation) {
  const Micros now = situation.now;
  const auto paused = [&](const Retry& retry) {
    if (retry.failures == 0 || situation.again || situation.asked) return now;
    return wait_until(retry.after, longest_pause_refused, now);
  };
  std::vector<Pending> out;
  pending_alerts(box, situation, out);
  for (Pending& alert : out) alert.when = std::max(alert.when, paused(box.alert_retry));
  if (!situation.journal.empty() && (situation.asked || situation.journal != box.journal)) {
    const Micros turn = situation.asked ? now : wait_until(box.sent + situation.interval, situation.interval, now);
    out.push_back({{Letter::Kind::journal, {}}, std::max(turn, paused(box.journal_retry))});
  }
  return out;
}

void Outbox::prepare(const std::vector<std::string>& recipients, const Situation& situation) {
  std::map<std::string, Box> kept;
  for (const std::string& recipient : recipients) kept[recipient] = std::move(boxes_[recipient]);
  boxes_ = std::move(kept);
  for (auto& [recipient, box] : boxes_) {
    std::erase_if(box.alerts, [&](const auto& item) {
      return item.second.over && situation.now - item.second.at >= situation.interval;
    });
    const auto letters = pending(box, situation);
    const auto wants = [&](bool journal) {
      return std::any_of(letters.begin(), letters.end(),
                         [&](const Pending& item) { return (item.letter.kind == Letter::Kind::journal) == journal; });
    };
    if (!wants(true)) box.journal_retry = {};
    if (!wants(false)) box.alert_retry = {};
  }
}

std::vector<Letter> Outbox::due(const std::string& recipient, const Situation& situation) const {
  std::vector<Letter> out;
  for (Pending& item : pending(boxes_.at(recipient), situation))
    if (item.when <= situation.now) out.push_back(std::move(item.letter));
  return out;
}

void Outbox::sent(const std::string& recipient, const Letter& letter, const Situation& situation) {
  Box& box = boxes_.at(recipient);
  if (letter.kind == Letter::Kind::journal) {
    box.journal = situation.journal;
    box.sent = situation.now;
    box.journal_retry = {};
    return;
  }
  box.alert_retry = {};
  Alert& alert = box.alerts[letter.trouble.name];
  alert.at = situation.now;
  if (letter.kind == Letter::Kind::over) {
    alert.over = true;
    return;
  }
  if (alert.over) alert.told.clear();
  alert.over = false;
  const Micros since = alert.told.empty() ? letter.trouble.since : alert.last.since;
  alert.last = letter.trouble;
  alert.last.since = since;
  alert.told.push_back(distinct(letter.trouble.text));
}

void Outbox::failed(const std::string& recipient, const Letter& letter, const Situation& situation, const Error& error,
                    Micros time) {
  Box& box = boxes_.at(recipient);
  Retry& retry = letter.kind == Letter::Kind::journal ? box.journal_retry : box.alert_retry;
  // Several letters that fail in one run are one failure.
  if (retry.failures == 0 || retry.run != situation.now) ++retry.failures;
  retry.run = situation.now;
  const Micros most = error.kind() == ErrorKind::permanent ? longest_pause_refused : longest_pause;
  constexpr int doublings = 10;
  retry.after = time + std::min(most, first_pause << std::min(retry.failures - 1, doublings));
  retry.cause = error.what();
  retry.hint = error.hint();
}

std::optional<Micros> Outbox::next(const Situation& situation) const {
  std::optional<Micros> out;
  for (const auto& [recipient, box] : boxes_)
    for (const Pending& item : pending(box, situation)) out = std::min(out.value_or(item.when), item.when);
  return out;
}

Micros Outbox::journal_after(const Situation& situation) const {
  std::optional<Micros> out;
  for (const auto& [recipient, box] : boxes_) {
    const Micros turn = wait_until(box.sent + situation.interval, situation.interval, situation.now);
    const Micros when = std::max(turn, box.journal_retry.failures == 0 ? 0 : box.journal_retry.after);
    out = std::min(out.value_or(when), when);
  }
  return out.value_or(situation.now);
}

Micros Outbox::mailed() const {
  Micros out = 0;
  for (const auto& [recipient, box] : boxes_) out = std::max(out, box.sent);
  return out;
}

std::optional<Outbox::Problem> Outbox::problem() const {
  std::optional<Problem> out;
  for (const auto& [recipient, box] : boxes_)
    for (const Retry* retry : {&box.alert_retry, &box.journal_retry})
      if (retry->failures > 0 && !out) out = Problem{retry->cause, retry->hint};
  return out;
}

}  // namespace lpbm::notify
