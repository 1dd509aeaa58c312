#include "delta/proof.h"

#include <charconv>

#include "base/error.h"
#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

constexpr std::size_t sum_size = 64;
constexpr std::string_view where = " WHERE ";

[[noreturn]] void refuse() {
  throw Error(ErrorKind::permanent, "reading a delta's script", "the proof of a table is malformed");
}

template <typename Number>
Number take_number(std::string_view& text) {
  Number out{};
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const auto size = static_cast<std::size_t>(at - text.data());
  if (error != std::errc{} || size >= text.size() || text[size] != ' ') refuse();
  text.remove_prefix(size + 1);
  return out;
}

std::string take_name(std::string_view& text) {
  std::string out;
  if (!take_identifier(text, out)) refuse();
  return out;
}

void take_letter(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) refuse();
  text.remove_prefix(1);
}

std::string column_list(const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns) out += (out.empty() ? "" : ",") + identifier(column);
  return out;
}

}  // namespace

std::string proof_text(const Proof& proof) {
  return std::to_string(proof.relation) + ' ' + std::to_string(proof.rows) + ' ' + proof.sum + ' ' +
         qualified(proof.schema, proof.name) + ' ' + column_list(proof.columns) +
         (proof.condition.empty() ? "" : std::string(where) + literal(proof.condition));
}

Proof parse_proof(std::string_view text) {
  Proof out;
  out.relation = take_number<std::uint32_t>(text);
  out.rows = take_number<std::uint64_t>(text);
  out.sum = text.substr(0, sum_size);
  if (out.sum.size() != sum_size || out.sum.find_first_not_of("0123456789abcdef") != std::string::npos) refuse();
  text.remove_prefix(sum_size);
  take_letter(text, ' ');
  out.schema = take_name(text);
  take_letter(text, '.');
  out.name = take_name(text);
  take_letter(text, ' ');
  while (!text.empty() && !text.starts_with(where)) {
    if (!out.columns.empty()) take_letter(text, ',');
    out.columns.push_back(take_name(text));
  }
  if (text.empty()) return out;
  text.remove_prefix(where.size());
  if (!take_literal(text, out.condition) || !text.empty() || out.condition.empty()) refuse();
  return out;
}

std::string copy_of(const Proof& proof) {
  const std::string table = qualified(proof.schema, proof.name), list = column_list(proof.columns);
  if (!proof.condition.empty())
    return "COPY (SELECT " + list + " FROM ONLY " + table + " WHERE " + proof.condition + ") TO STDOUT";
  return "COPY " + table + (list.empty() ? "" : " (" + list + ")") + " TO STDOUT";
}

}  // namespace lpbm::delta
