#include "millrace/transforms/tokenizers/byte_letters-inl.h"

#include <algorithm>
#include <cstddef>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

constexpr char32_t kLetterEnd = 0x180;

std::array<std::int16_t, kLetterEnd> bytes_by_letter() {
  std::array<std::int16_t, kLetterEnd> bytes{};
  bytes.fill(-1);
  for (const auto& [byte, letter] : byte_letters()) bytes[letter] = byte;
  return bytes;
}

}  // namespace

std::array<ByteLetter, 256> byte_letters() {
  const auto printable = [](unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  };
  std::array<ByteLetter, 256> letters{};
  std::size_t count = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (printable(byte)) letters[count++] = {static_cast<std::uint8_t>(byte), byte};
  }
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!printable(byte)) letters[count++] = {static_cast<std::uint8_t>(byte), next++};
  }
  return letters;
}

bool bytes_of_letters(std::string_view letters, std::string& bytes) {
  static const std::array<std::int16_t, kLetterEnd> by_letter = bytes_by_letter();
  bytes.clear();
  while (!letters.empty()) {
    const Utf8Char c = decode_first(letters);
    if (c.value >= kLetterEnd || by_letter[c.value] < 0) return false;
    bytes += static_cast<char>(by_letter[c.value]);
    letters.remove_prefix(c.bytes);
  }
  return true;
}

}  // namespace millrace
