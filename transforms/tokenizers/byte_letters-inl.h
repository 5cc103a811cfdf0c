#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// GPT-2's printable stand-in for a byte: itself where it is a printable Latin-1 character, else
/// the next code point from U+0100 on.
struct ByteLetter {
  std::uint8_t byte;
  char32_t letter;
};

/// In the order in which CLIP numbers them: the printable ones first.
std::array<ByteLetter, 256> byte_letters();

/// The bytes that a text of such letters stands for; false if it has another character.
bool bytes_of_letters(std::string_view letters, std::string& bytes);

}  // namespace millrace
