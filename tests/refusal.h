#pragma once

#include <stdexcept>
#include <string>

namespace millrace::test {

/// What a call that refuses its arguments says, or "none".
template <class Call>
std::string refusal_of(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

}  // namespace millrace::test
