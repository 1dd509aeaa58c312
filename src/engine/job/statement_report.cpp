#include <nlohmann/json.hpp>

#include "job/statement_extract.h"

namespace lpbm::job {
namespace {

// "a.csv:3, 7, 12, b.csv:1 and 4 more"
std::string text_of(const Places& places, const std::vector<std::string>& files) {
  constexpr std::size_t most = 20;
  std::string out;
  std::size_t shown = 0;
  for (const Place& place : places.first) {
    if (shown == most) break;
    if (shown > 0) out += ", ";
    if (shown == 0 || place.file != places.first[shown - 1].file) out += files.at(place.file) + ':';
    out += std::to_string(place.line);
    ++shown;
  }
  if (places.first.size() > shown) out += ", ...";
  return out;
}

}  // namespace

bool StatementReport::complete() const {
  for (std::size_t i = 0; i < remark_count; ++i)
    if (const auto remark = static_cast<Remark>(i); words_of(remark).lost && remarks.find(remark)) return false;
  return true;
}

std::vector<std::string> StatementReport::text() const {
  std::vector<std::string> out;
  out.push_back("database " + database + ": " + std::to_string(counts.transactions) + " transactions with " +
                std::to_string(counts.statements) + " statements written, of " + std::to_string(sessions) +
                " sessions in " + std::to_string(lines) + " lines; left out: " + std::to_string(counts.failed) +
                " errors, " + std::to_string(counts.rolled_back) + " rolled back, " +
                std::to_string(counts.unfinished) + " never committed");
  if (copies > 0) out.push_back(std::to_string(copies) + " lines had been read before and were passed over");
  for (const bool lost : {true, false})
    for (std::size_t i = 0; i < remark_count; ++i) {
      const auto remark = static_cast<Remark>(i);
      const Places* places = remarks.find(remark);
      if (!places || words_of(remark).lost != lost) continue;
      out.push_back(std::string(lost ? "missing: " : "in doubt: ") + std::to_string(places->count) + ' ' +
                    words_of(remark).text + ": " + text_of(*places, files));
    }
  return out;
}

std::string StatementReport::json() const {
  using nlohmann::json;
  json list = json::array();
  for (std::size_t i = 0; i < remark_count; ++i) {
    const auto remark = static_cast<Remark>(i);
    const Places* places = remarks.find(remark);
    if (!places) continue;
    json lines_of = json::array();
    for (const Place& place : places->first) lines_of.push_back({{"file", files.at(place.file)}, {"line", place.line}});
    list.push_back({{"code", words_of(remark).code},
                    {"text", words_of(remark).text},
                    {"missing", words_of(remark).lost},
                    {"count", places->count},
                    {"lines", lines_of}});
  }
  const json out = {{"database", database},
                    {"files", files},
                    {"lines", lines},
                    {"copies", copies},
                    {"sessions", sessions},
                    {"transactions", counts.transactions},
                    {"statements", counts.statements},
                    {"failed", counts.failed},
                    {"rolled_back", counts.rolled_back},
                    {"unfinished", counts.unfinished},
                    {"complete", complete()},
                    {"remarks", list}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace lpbm::job
