// The job that mails the journal and the troubles (docs/mail.md). What was mailed to whom is in the file `mail` in
// lpbm.directory, replaced after each mail, so that neither a restart nor a kill loses one, and at most the one that
// was under way at a kill comes again, under its old Message-ID.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/site.h"

namespace lpbm::job {

// Sends what is due by now. `request`: docs/formats.md, Worker and engine. Returns the result's members; mails that
// could not be sent are a part of it and no Error. Throws Error where nothing could be tried: settings, files.
nlohmann::json run_mail(const Site& site, const nlohmann::json& request, Events& events);

}  // namespace lpbm::job
