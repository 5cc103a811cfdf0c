#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::test {

// Between the bytes that the library takes and gives, and the text that checks compare.

inline std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A view of the text, which must outlive it.
inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace millrace::test
