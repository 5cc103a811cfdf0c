#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string>

namespace millrace {

/// The shortest decimal that is this float again.
inline std::string json_number(float value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

/// "[0.5,1]"
template <std::size_t kSize>
std::string json_numbers(const std::array<float, kSize>& values) {
  std::string text = "[";
  for (const float value : values) {
    if (text.size() > 1) text += ',';
    text += json_number(value);
  }
  return text + "]";
}

}  // namespace millrace
