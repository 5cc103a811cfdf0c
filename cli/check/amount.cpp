#include "check/amount.h"

#include <charconv>
#include <stdexcept>
#include <system_error>

namespace millrace::cli {

Amount parse_amount(const std::string& text, const std::string& option) {
  Amount amount;
  amount.is_percent = text.ends_with('%');
  const char* end = text.data() + text.size() - (amount.is_percent ? 1 : 0);
  const auto [stopped, error] = std::from_chars(text.data(), end, amount.number);
  const bool is_number = error == std::errc() && stopped == end && amount.number >= 0;
  if (!is_number || (amount.is_percent && amount.number > 100)) {
    throw std::invalid_argument(option + " " + text + ": expected a share (10%) or a number (200)");
  }
  return amount;
}

}  // namespace millrace::cli
