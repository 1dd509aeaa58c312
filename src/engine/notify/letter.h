// What the mails say: subject and text. Nothing secret is among what they are made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "notify/outbox.h"

namespace lpbm::notify {

// The backed-up server, as whoever restores it must know it.
struct Subject {
  std::string prefix;  // lpbm.mail_subject_prefix
  std::string site, database;
  std::string store;                    // URL, a directory's absolute
  bool store_on_server = false;         // it is lost with the server
  std::string store_options;            // what the store needs on the command line, ready to be typed; may be empty
  int server_version = 0;               // PG_VERSION_NUM
  std::vector<std::string> recipients;  // lpbm.recipients; empty: a passphrase
  std::string key;                      // base64 of the key that signs the journal; empty: not known yet
};

struct Text {
  std::string subject, body;
};

// `newest`: the last entries of the journal, the newest last; may be empty. `file`: the attachment's name.
Text journal_letter(const Subject& subject, const std::vector<journal::Entry>& newest, const std::string& file);
Text trouble_letter(const Subject& subject, const Trouble& trouble);
Text over_letter(const Subject& subject, const Trouble& trouble, Micros now);

// As a word of a shell's command line.
std::string shell_word(const std::string& text);

}  // namespace lpbm::notify
