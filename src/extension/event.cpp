#include "event.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;

char* copy(const std::string& text) {
  char* out = static_cast<char*>(std::malloc(text.size() + 1));
  if (out != nullptr) std::memcpy(out, text.c_str(), text.size() + 1);
  return out;
}

// A text member; a number is taken as its text.
char* text(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  return copy(found->is_string() ? found->get<std::string>() : found->dump());
}

std::int64_t number(const json& object, const char* name, std::int64_t missing) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return missing;
  return found->get<std::int64_t>();
}

LpbmEventKind kind_of(const std::string& name) {
  if (name == "progress") return LPBM_EVENT_PROGRESS;
  if (name == "fenced") return LPBM_EVENT_FENCED;
  if (name == "entry") return LPBM_EVENT_ENTRY;
  if (name == "result") return LPBM_EVENT_RESULT;
  if (name == "error") return LPBM_EVENT_ERROR;
  return LPBM_EVENT_INVALID;
}

LpbmErrorKind error_of(const std::string& name) {
  if (name == "retryable") return LPBM_ERROR_RETRYABLE;
  if (name == "fence") return LPBM_ERROR_FENCE;
  if (name == "gap") return LPBM_ERROR_GAP;
  return LPBM_ERROR_PERMANENT;
}

void take_rows(const json& object, const char* name, LpbmEvent& event) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array() || found->empty() || event.rows != nullptr) return;
  event.rows = static_cast<LpbmEventRow*>(std::calloc(found->size(), sizeof(LpbmEventRow)));
  if (event.rows == nullptr) return;
  for (const json& item : *found) {
    LpbmEventRow& row = event.rows[event.row_count++];
    row.entry = -1;
    if (item.is_object()) {
      row.name = text(item, "name");
      row.problem = text(item, "problem");
      row.hint = text(item, "hint");
      row.cid = text(item, "cid");
      row.entry = number(item, "entry", -1);
    } else {
      row.problem = copy(item.is_string() ? item.get<std::string>() : item.dump());
    }
  }
}

// 0: none.
std::uint64_t lsn(const std::string& text) {
  unsigned int high = 0, low = 0;
  if (std::sscanf(text.c_str(), "%X/%X", &high, &low) != 2) return 0;
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

void parse(std::string_view line, LpbmEvent& event) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return;
  event.phase = text(object, "phase");
  event.unit = text(object, "unit");
  event.done = number(object, "done", 0);
  event.total = number(object, "total", -1);
  event.line = text(object, "line");
  event.error = error_of(object.value("kind", ""));
  event.what = text(object, "what");
  event.cause = text(object, "cause");
  event.hint = text(object, "hint");
  event.key = text(object, "key");
  event.applied = number(object, "applied", -1);
  event.next = number(object, "next", -1);
  event.journal_after = number(object, "journal_after", 0);
  event.mailed = number(object, "mailed", 0);
  event.whole = object.value("whole", false);
  event.stale = number(object, "stale", 0);
  event.stale_cause = text(object, "stale_cause");
  event.full = text(object, "full");
  event.summary = text(object, "summary");
  event.finished = number(object, "finished", 0);
  event.full_lsn = lsn(object.value("full_lsn", ""));
  take_rows(object, "problems", event);
  take_rows(object, "notes", event);
  event.kind = kind_of(object.value("event", ""));
}

bool parse_entry(std::string_view line, LpbmEntryLine& entry) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos || first >= sizeof entry.cid) return false;
  const json object = json::parse(line.substr(second + 1), nullptr, false);
  if (!object.is_object()) return false;
  entry.to = lsn(object.value("to", ""));
  if (entry.to == 0) return false;
  line.copy(entry.cid, first);
  entry.number = static_cast<std::uint64_t>(number(object, "entry", 0));
  entry.full = object.value("kind", "") == "full";
  entry.finished = number(object, "finished", 0);
  object.value("stream", "").copy(entry.stream, sizeof entry.stream - 1);
  object.value("database", "").copy(entry.database, sizeof entry.database - 1);
  return entry.number > 0;
}

}  // namespace

void lpbm_event_parse(const char* line, size_t length, LpbmEvent* event) {
  std::memset(event, 0, sizeof *event);
  event->total = event->applied = -1;
  try {
    parse(std::string_view(line, length), *event);
  } catch (...) {
    event->kind = LPBM_EVENT_INVALID;
  }
}

void lpbm_event_free(LpbmEvent* event) {
  for (char* part : {event->phase, event->unit, event->line, event->what, event->cause, event->hint, event->key,
                     event->stale_cause, event->full, event->summary})
    std::free(part);
  for (int i = 0; i < event->row_count; i++)
    for (char* part : {event->rows[i].name, event->rows[i].problem, event->rows[i].hint, event->rows[i].cid})
      std::free(part);
  std::free(event->rows);
  std::memset(event, 0, sizeof *event);
}

bool lpbm_entry_parse(const char* line, size_t length, LpbmEntryLine* entry) {
  std::memset(entry, 0, sizeof *entry);
  try {
    return parse_entry(std::string_view(line, length), *entry);
  } catch (...) {
    return false;
  }
}
