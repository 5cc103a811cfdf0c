#pragma once

#include <string>

namespace millrace::cli {

/// "10%" or "200".
struct Amount {
  double number = 0;  ///< not negative; at most 100 where it is percent
  bool is_percent = false;
};

/// Throws std::invalid_argument naming the option where it is neither.
Amount parse_amount(const std::string& text, const std::string& option);

}  // namespace millrace::cli
