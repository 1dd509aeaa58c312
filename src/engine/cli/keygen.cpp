#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/options.h"
#include "cli/terminal.h"

namespace lpbm::cli {
namespace {

int keygen(const Options& options) {
  const codec::AgeIdentity identity = codec::generate_identity();
  const std::string text =
      "# created: " + to_iso(now(), true) + "\n# public key: " + identity.recipient + '\n' + identity.secret + '\n';
  Output out(options.output, false);
  out.write(text);
  out.finish();
  if (!options.output.empty() || ::isatty(STDOUT_FILENO) != 1)
    ::dprintf(STDERR_FILENO, "Public key: %s\n", identity.recipient.c_str());
  return 0;
}

}  // namespace

void add_keygen_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command = add_command(app, "keygen", "Make an age key pair",
                                  "The identity (the secret that opens backups, in age-keygen's form) goes to stdout "
                                  "or to a new file of mode 0600: "
                                  "keep it away from the server. The public key goes into lpbm.recipients.");
  add_output_option(*command, options);
  command->callback([&] { chosen = [&] { return keygen(options); }; });
}

}  // namespace lpbm::cli
