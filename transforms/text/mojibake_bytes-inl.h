#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace millrace {

// What ftfy does to the bytes that garbled text was once read from, before it reads them as UTF-8.

/// Puts back the byte 0xA0 where a space stands in its place (ftfy's restore_byte_a0).
void restore_byte_a0(std::vector<std::uint8_t>& bytes, std::vector<std::uint8_t>& scratch);
/// UTF-8 sequences of which bytes were lost, 0x1A or ? in their place, become U+FFFD.
void replace_lossy_sequences(std::vector<std::uint8_t>& bytes, std::vector<std::uint8_t>& scratch);
/// Strict UTF-8, but also C0 80 for U+0000 and surrogate pairs of three bytes each. False: it is
/// none, and `out` is unspecified.
bool decode_utf8_variants(std::span<const std::uint8_t> bytes, std::u32string& out);

}  // namespace millrace
