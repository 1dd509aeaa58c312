#include "notify/letter.h"

#include <algorithm>
#include <cctype>

namespace lpbm::notify {
namespace {

constexpr int version_step = 10000;

std::string heading(const std::string& text) {
  return '\n' + text + '\n' + std::string(text.size(), '-') + '\n';
}

std::string subject_line(const Subject& subject, const std::string& rest) {
  return (subject.prefix.empty() ? "" : subject.prefix + ' ') + subject.site + ' ' + rest;
}

// "2026-11-21 12:00:00 UTC"
std::string readable(Micros time) {
  if (time == 0) return "-";
  std::string text = to_iso(time, true).substr(0, 19);
  text[10] = ' ';
  return text + " UTC";
}

const char* kind_name(const journal::Entry& entry) {
  return entry.kind == journal::Kind::full ? "full" : "delta";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out;
}

std::string entries(const std::vector<journal::Entry>& newest) {
  std::vector<std::vector<std::string>> rows{
      {"entry", "kind", "finished", "transactions", "rows", "stored bytes", "CID"}};
  for (auto entry = newest.rbegin(); entry != newest.rend(); ++entry)
    rows.push_back({std::to_string(entry->number), kind_name(*entry), readable(entry->finished),
                    std::to_string(entry->transactions), std::to_string(entry->rows),
                    std::to_string(entry->stored_bytes), entry->cid});
  return table(rows);
}

// A word that libpq reads as it is, within double quotes of a shell.
std::string conninfo_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + '\'';
}

bool in_cluster(const Subject& subject) {
  return subject.store.starts_with("ipfs+");
}

std::string secret_needed(const Subject& subject) {
  if (subject.recipients.empty()) return "the passphrase that lpbm was set up with";
  std::string out = "the age identity (the secret key) of ";
  for (const std::string& recipient : subject.recipients)
    out += (&recipient == &subject.recipients.front() ? "" : " or ") + recipient;
  return out;
}

std::string restore_command(const Subject& subject, const std::string& file) {
  std::string out = "  lpbm restore --store " + shell_word(subject.store);
  if (!subject.store_options.empty()) out += ' ' + subject.store_options;
  out += " --journal " + shell_word(file);
  out += subject.recipients.empty() ? " --passphrase-file PASSPHRASE" : " --identity IDENTITY";
  if (!subject.recipients.empty()) out += " --signer " + shell_word(subject.key);
  return out + " --target " +
         shell_word("host=HOST port=PORT user=postgres dbname=" + conninfo_word(subject.database)) + '\n';
}

std::string what_to_fill_in(const Subject& subject) {
  std::string out = "Fill in:\n";
  out += subject.recipients.empty()
             ? "  PASSPHRASE  a file with the passphrase, mode 0600 (or leave the option out, and "
               "be asked for it)\n"
             : "  IDENTITY    the file with the age identity, mode 0600\n";
  if (subject.store.starts_with("file:"))
    out += "  --store     is the directory on the server: give its place as it is here\n";
  if (in_cluster(subject))
    out +=
        "  --store, --ipfs-api  are as the server reached the cluster: give addresses that can be reached from here\n";
  out += "  HOST, PORT  of the new, running PostgreSQL server (a host's name, or the directory of its socket)\n";
  if (subject.store_options.find("STORE_AUTH") != std::string::npos)
    out += "  STORE_AUTH  a file with user:password or the token for the store, mode 0600\n";
  if (subject.store_options.find("STORE_CA") != std::string::npos)
    out += "  STORE_CA    the certificates (PEM) that the store's must lead to\n";
  return out;
}

std::string worst_day(const Subject& subject, const std::string& file) {
  std::string out = heading("On the worst day");
  out += "If this server is lost, these bring its database back:\n";
  out += "  - the attachment of this mail, the journal (the newest that you have)\n";
  out += "  - the store: " + subject.store + '\n';
  if (subject.store_on_server)
    out += "    WARNING: it lies on the server itself. Without it nothing can be restored: see lpbm.store.\n";
  out += "  - " + secret_needed(subject) + '\n';
  out += "\nOn a machine with PostgreSQL " + std::to_string(subject.server_version / version_step) +
         " or later and the program lpbm, save the attachment as it is, and run:\n\n";
  out += "  lpbm list --journal " + shell_word(file) + '\n';
  out += restore_command(subject, file) + '\n' + what_to_fill_in(subject);
  if (in_cluster(subject))
    out += "The cluster holds the newest journal, too: with --site " + subject.site +
           " in place of --journal it is used.\n";
  out += "The database is created if it is missing. docs/restore.md of lpbm says more.\n";
  return out;
}

std::string footer(const Subject& subject) {
  std::string out = "\n-- \nlpbm of site " + subject.site + ", database " + subject.database + '\n';
  if (!subject.key.empty())
    out += "This site's journals are signed by " + subject.key + "\n(the same in all its mails and in lpbm_status)\n";
  return out;
}

std::string described(const Trouble& trouble) {
  return trouble.text + '\n' + (trouble.hint.empty() ? "" : "Hint: " + trouble.hint + '\n');
}

}  // namespace

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_-./:,=+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + '\'';
}

Text journal_letter(const Subject& subject, const std::vector<journal::Entry>& newest, const std::string& file) {
  Text out;
  out.subject = subject_line(subject, newest.empty() ? "no entry yet" : newest.back().name);
  out.body = "The journal of the backups of site " + subject.site + " is attached: " + file + '\n';
  if (newest.empty())
    out.body += "It has no entry yet: nothing is backed up.\n";
  else
    out.body += heading("Newest entries") + entries(newest);
  out.body += worst_day(subject, file) + footer(subject);
  return out;
}

Text trouble_letter(const Subject& subject, const Trouble& trouble) {
  Text out;
  out.subject = subject_line(subject, "problem: " + trouble.name);
  out.body = described(trouble) + "\nSince " + readable(trouble.since) +
             ". Another mail follows when it is over. SELECT * FROM lpbm_status says how things stand.\n" +
             footer(subject);
  return out;
}

Text over_letter(const Subject& subject, const Trouble& trouble, Micros now) {
  Text out;
  out.subject = subject_line(subject, "over: " + trouble.name);
  out.body = "This is over:\n\n" + described(trouble) + "\nIt lasted from " + readable(trouble.since) + " to " +
             readable(now) + ".\n" + footer(subject);
  return out;
}

}  // namespace lpbm::notify
