#include "job/worker.h"

#include <new>

#include "job/delta.h"
#include "job/drill.h"
#include "job/full.h"
#include "job/into_database.h"
#include "job/mail.h"
#include "job/preconditions.h"
#include "job/verify.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

json run_verify(const Site& site, Events& events) {
  const journal::Journal journal = site.journal().load();
  const std::unique_ptr<store::Store> store = site.open_store();
  std::vector<Problem> found = verify_links(journal);
  const auto objects = verify_entries(journal, *store, [&](std::uint64_t done, std::uint64_t total) {
    events.progress("verifying", done, total, "objects");
  });
  found.insert(found.end(), objects.begin(), objects.end());
  json problems = json::array();
  for (const Problem& problem : found) {
    json row{{"entry", nullptr}, {"cid", problem.cid}, {"problem", problem.problem}};
    if (problem.entry) row["entry"] = *problem.entry;
    problems.push_back(std::move(row));
  }
  return {{"problems", std::move(problems)}};
}

}  // namespace

json run_job(const Request& request, Events& events) {
  const Site site(request.settings);
  if (request.job == "init") return run_init(site);
  if (request.job == "delta") return run_delta(site, request.body, events);
  if (request.job == "full") return run_full(site, request.body, events);
  if (request.job == "verify") return run_verify(site, events);
  if (request.job == "restore") return run_into_database(site, request.body, events);
  if (request.job == "drill") return run_drill(site, events);
  if (request.job == "mail") return run_mail(site, request.body, events);
  throw Error(ErrorKind::usage, "reading the request", "there is no job \"" + request.job + "\"");
}

int run_worker(int input, int output) {
  die_with_parent();
  Events events(output);
  try {
    const Request request = parse_request(read_request_line(input));
    exit_at_end_of(input);
    events.result(run_job(request, events));
    return 0;
  } catch (const Error& error) {
    events.error(error);
  } catch (const std::bad_alloc&) {
    events.error(Error(ErrorKind::retryable, "running the job", "out of memory"));
  } catch (const std::exception& error) {
    events.error(Error(ErrorKind::permanent, "running the job", error.what()));
  }
  return 1;
}

}  // namespace lpbm::job
