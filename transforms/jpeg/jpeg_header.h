#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::jpeg {

/// One of 1 or 3 components of a frame, with the tables its only scan names.
struct Component {
  std::uint8_t id = 0;
  std::uint8_t quantization = 0;  ///< index of a table, 0..3
  std::uint8_t dc_table = 0;
  std::uint8_t ac_table = 0;
};

/// A Huffman table as the file has it: 16 counts, then the symbols.
using HuffmanBytes = std::span<const std::uint8_t>;

/// Everything that stands before the entropy-coded data of a baseline file. The spans lie in it.
struct Header {
  int width = 0;
  int height = 0;
  int components = 0;              ///< 1 or 3
  int luma_h = 1;                  ///< samples of the first component for one of the others: 1 or 2
  int luma_v = 1;                  ///< the same from top to bottom
  bool ycc = true;                 ///< three components are YCbCr, or RGB
  std::uint32_t restart_mcus = 0;  ///< MCUs between restart markers; 0: there are none
  std::array<Component, 3> component;
  std::array<std::array<std::uint16_t, 64>, 4> quantization;  ///< in rows, as they are multiplied
  std::array<HuffmanBytes, 4> dc_tables;
  std::array<HuffmanBytes, 4> ac_tables;
  std::span<const std::uint8_t> scan;  ///< what follows the scan header, to the end of the file

  int mcu_width() const { return 8 * luma_h; }
  int mcu_height() const { return 8 * luma_v; }
  std::size_t mcus_per_row() const {
    return static_cast<std::size_t>((width + mcu_width() - 1) / mcu_width());
  }
  std::size_t mcu_rows() const {
    return static_cast<std::size_t>((height + mcu_height() - 1) / mcu_height());
  }
  int samples_across(int c) const { return c == 0 ? width : (width + luma_h - 1) / luma_h; }
  int samples_down(int c) const { return c == 0 ? height : (height + luma_v - 1) / luma_v; }
  /// Blocks of a component in an MCU.
  int blocks_across(int c) const { return c == 0 ? luma_h : 1; }
  int blocks_down(int c) const { return c == 0 ? luma_v : 1; }
};

/// Position in rows of the k-th coefficient of the zigzag order (T.81, figure A.6).
inline constexpr std::array<std::uint8_t, 64> kNaturalOrder = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/// Reads the header of a file of the plain kind: SOF0 or SOF1 with 8 bits, one Huffman-coded scan
/// of all components, gray of any sampling factors or three components with the first at 1 or 2
/// times the others. False for every other file and for anything unusual; `header` is then
/// unspecified. Colours are told as libjpeg does (JFIF, Adobe, component ids).
bool read_header(std::span<const std::uint8_t> file, Header& header);

}  // namespace millrace::jpeg
