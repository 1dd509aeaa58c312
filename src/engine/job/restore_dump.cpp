// restore_dump(): pg_restore, in passes where code of others has to be bound in between.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/pipe.h"
#include "job/code_guard.h"
#include "job/dump_script.h"
#include "job/restore_full.h"
#include "postgres/child.h"

namespace lpbm::job {
namespace {

using postgres::Connection;

// A file that is gone with this object.
class TemporaryFile {
 public:
  TemporaryFile() {
    path_ = (std::filesystem::temp_directory_path() / "lpbm-restore-XXXXXX").string();
    file_ = File(::mkostemp(path_.data(), O_CLOEXEC), path_);
    if (!file_.is_open()) throw Error(ErrorKind::retryable, "making a temporary file", "it cannot be made in " + path_);
  }
  explicit TemporaryFile(const std::string& content) : TemporaryFile() { file_.write_all(content); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  void write(std::string_view data) { file_.write_all(data); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  File file_;
};

// The begin of the dump, which holds its table of contents with all definitions: read once, to be read again.
class Head {
 public:
  explicit Head(Source& dump) : dump_(dump) {}
  // What was read before, and then more of the dump.
  class Reader final : public Source {
   public:
    explicit Reader(Head& head) : head_(head), again_(File::open(head.file_.path(), O_RDONLY | O_CLOEXEC)) {}
    std::size_t read(char* buffer, std::size_t size) override {
      if (const std::size_t got = again_.read(buffer, size); got > 0) return got;
      const std::size_t got = head_.dump_.read(buffer, size);
      if (keep_) head_.file_.write({buffer, got});
      if (keep_) ::lseek(again_.fd(), static_cast<off_t>(got), SEEK_CUR);
      return got;
    }
    void do_not_keep() { keep_ = false; }

   private:
    Head& head_;
    File again_;
    bool keep_ = true;
  };

 private:
  Source& dump_;
  TemporaryFile file_;
};

void drain(Source& source) {
  std::string buffer(65536, '\0');
  while (source.read(buffer.data(), buffer.size()) > 0) {
  }
}

class Passes {
 public:
  Passes(postgres::Command command, const DumpOptions& options, Source& dump, std::vector<std::string>& notes)
      : command_(std::move(command)), options_(options), head_(dump), notes_(notes) {}

  // As it stands in one go, without guard.
  void run_whole() {
    const std::string all = list({}), kept = list_without_lpbm(all);
    const TemporaryFile file(kept);
    Head::Reader whole(head_);
    run({"--use-list=" + file.path()}, whole, true);
    if (kept != all) note();
  }

  // In a session of ours where functions of others may run (job/dump_script.h). Data come alone: their rows are read
  // once.
  void run_guarded() {
    CodeGuard guard(*options_.guard);
    DumpScript script(*options_.session, *options_.guard, guard);
    run_definitions("--section=pre-data", guard, script);
    refuse_reach(*options_.guard, "restoring the full backup");
    {
      Head::Reader whole(head_);
      if (guard.armed())
        run_script({"--section=data"}, whole, script, true);
      else
        run({"--section=data"}, whole, true);
    }
    run_definitions("--section=post-data", guard, script);
    guard.remove();
  }

 private:
  std::string list(std::vector<std::string> arguments) {
    postgres::Command lister = command_;
    lister.arguments = {"--list"};
    lister.arguments.insert(lister.arguments.end(), arguments.begin(), arguments.end());
    Head::Reader head(head_);
    return postgres::run_filter(lister, head);
  }

  void run(const std::vector<std::string>& arguments, Head::Reader& source, bool to_the_end) {
    postgres::Command command = command_;
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    if (to_the_end) source.do_not_keep();
    postgres::run_from(command, source);
    if (to_the_end) drain(source);
  }

  void run_script(std::vector<std::string> arguments, Head::Reader& source, DumpScript& script, bool to_the_end) {
    postgres::Command command = command_;
    command.arguments = {"--file=-"};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    if (to_the_end) source.do_not_keep();
    ProducedSource text([&](Sink& sink) {
      postgres::run_through(command, source, sink);
      if (to_the_end) drain(source);
      sink.finish();
    });
    script.run(text);
  }

  void run_definitions(const std::string& section, CodeGuard& guard, DumpScript& script) {
    const std::string all = list({section}), kept = options_.leave_out_lpbm ? list_without_lpbm(all) : all;
    if (kept != all) note();
    std::istringstream lines(kept);
    std::string others, views;
    for (std::string line; std::getline(lines, line);)
      (entry_of(line).starts_with("MATERIALIZED VIEW DATA ") ? views : others) += line + "\n";
    run_list(others, script);
    if (section != "--section=post-data") return;
    refuse_reach(*options_.guard, "restoring the full backup");
    // PostgreSQL itself binds these to their owners, with whose rights functions are called.
    guard.remove();
    if (!views.empty()) run_list(views);
  }

  // By the list alone: what has no section of its own (privileges, comments) is taken for that of the entry before it,
  // which in a list is another one.
  void run_list(const std::string& list, DumpScript& script) {
    const TemporaryFile file(list);
    Head::Reader head(head_);
    run_script({"--use-list=" + file.path()}, head, script, false);
  }
  void run_list(const std::string& list) {
    const TemporaryFile file(list);
    Head::Reader head(head_);
    run({"--use-list=" + file.path()}, head, false);
  }

  void note() {
    constexpr const char* text = "the extension lpbm is not installed on the target: it was left out";
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.emplace_back(text);
  }

  postgres::Command command_;
  const DumpOptions& options_;
  Head head_;
  std::vector<std::string>& notes_;
};

}  // namespace

void restore_dump(const std::string& pg_restore, const Connection& connection, const std::string& database,
                  const DumpOptions& options, Source& dump, std::vector<std::string>& notes) {
  // The commits are made durable by the last one of the restore.
  const postgres::ChildTarget target =
      postgres::child_target(connection, database,
                             "-c synchronous_commit=off -c statement_timeout=0 -c lock_timeout=0 "
                             "-c default_transaction_read_only=off -c lc_monetary=C " +
                                 postgres::no_event_triggers(connection.server_version()));
  postgres::Command command;
  command.program = pg_restore;
  command.environment = target.environment;
  command.what = "restoring the full backup with pg_restore";
  command.arguments = {"--exit-on-error", "--no-password", "--dbname=" + target.conninfo};
  if (options.guard) {
    Passes(command, options, dump, notes).run_guarded();
  } else if (options.leave_out_lpbm) {
    Passes(command, options, dump, notes).run_whole();
  } else {
    postgres::run_from(command, dump);
    drain(dump);
  }
}

}  // namespace lpbm::job
