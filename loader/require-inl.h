#pragma once

#include <stdexcept>
#include <string>

namespace millrace {

/// Throws std::invalid_argument with the message unless what it asks for holds.
inline void require(bool holds, const std::string& message) {
  if (!holds) throw std::invalid_argument(message);
}

}  // namespace millrace
