#include "job/verify.h"

#include <map>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::job {
namespace {

class HashingSink final : public Sink {
 public:
  void write(Bytes data) override {
    hash_.update(data);
    size_ += data.size();
  }
  void finish() override {}
  [[nodiscard]] std::uint64_t size() const { return size_; }
  std::string digest() { return to_hex(hash_.digest()); }

 private:
  codec::Sha256 hash_;
  std::uint64_t size_ = 0;
};

std::string check_object(store::Store& store, const journal::Object& object) {
  try {
    HashingSink sink;
    store.get(object.cid, {}, sink);
    if (sink.size() != object.size)
      return object.name + " has " + std::to_string(sink.size()) + " bytes instead of " + std::to_string(object.size);
    if (sink.digest() != object.sha256) return object.name + " has another SHA-256 than the journal says";
    return {};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::retryable) throw;
    return object.name + ": " + error.what();
  }
}

}  // namespace

std::vector<Problem> verify_entries(const journal::Journal& journal, store::Store& store,
                                    const std::function<void(std::uint64_t, std::uint64_t)>& on_object) {
  std::uint64_t total = 0, done = 0;
  for (const journal::Entry& entry : journal.entries()) total += entry.objects.size();
  std::vector<Problem> problems;
  for (const journal::Entry& entry : journal.entries())
    for (const journal::Object& object : entry.objects) {
      std::string problem = check_object(store, object);
      if (!problem.empty()) problems.push_back({entry.number, object.cid, std::move(problem)});
      on_object(++done, total);
    }
  return problems;
}

std::vector<Problem> verify_links(const journal::Journal& journal) {
  // The stream is whole from the anchor of its oldest full up to here. A delta that the full needs may stand before it,
  // journalled while the full ran.
  std::map<std::string, Lsn> reached;
  for (const journal::Entry& entry : journal.entries())
    if (entry.kind == journal::Kind::full) reached.try_emplace(entry.stream, entry.anchor);
  std::vector<Problem> problems;
  for (const journal::Entry& entry : journal.entries()) {
    const auto stream = reached.find(entry.stream);
    if (entry.kind != journal::Kind::delta || stream == reached.end()) continue;
    Lsn& end = stream->second;
    if (entry.to > end && entry.from > end)
      problems.push_back(
          {entry.number, entry.cid, "changes from " + end.text() + " to " + entry.from.text() + " are missing"});
    end = std::max(end, entry.to);
  }
  return problems;
}

}  // namespace lpbm::job
