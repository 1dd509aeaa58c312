// Header fields of a mail (RFC 5322; words beyond ASCII by RFC 2047). Whatever a setting or an error's text holds, a
// field stays one field: control characters become blanks, addresses with any are refused. Texts are UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace lpbm::notify {

struct Address {
  std::string name;     // what people read, may be empty
  std::string mailbox;  // user@host, ASCII
};

// "user@host, Name <user@host>, ...". Throws Error (usage) with the address that is none.
std::vector<Address> parse_addresses(std::string_view text);

// Whole fields, folded, with their last CRLF.
std::string text_field(std::string_view name, std::string_view text);
std::string address_field(std::string_view name, const std::vector<Address>& addresses);
std::string date_field(Micros time);

}  // namespace lpbm::notify
