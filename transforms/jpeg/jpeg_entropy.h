#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/jpeg/jpeg_huffman.h"

namespace millrace::jpeg {

/// Coefficients lie in tiles of four neighbouring blocks: row r of block b begins at 32 r + 8 b, so
/// that a row of a tile is a vector of the inverse transform.
inline constexpr std::size_t kTileBlocks = 4;
inline constexpr std::size_t kTileCoefficients = 64 * kTileBlocks;

/// Where a block of an MCU row goes, in the order of the stream.
struct BlockPlace {
  std::uint32_t block = 0;  ///< among all of the MCU row; its tile is block / kTileBlocks
  std::uint32_t component = 0;
};

/// The state of entropy decoding between two calls, in the middle of a block or not.
struct EntropyStream {
  // The stream: `bits` holds the next `bit_count` bits from the top down; bytes from `next` on are
  // not yet in them (or only in part, as they would be put there again).
  std::uint64_t bits = 0;
  std::uint32_t bit_count = 0;
  const std::uint8_t* next = nullptr;
  const std::uint8_t* limit = nullptr;  ///< `next` past this has run out of the data

  // The block at hand: coefficients before `position` are known.
  std::uint32_t position = 0;
  std::int16_t* block = nullptr;
  const std::uint32_t* entries = nullptr;  ///< of its AC table
  const BlockPlace* place = nullptr;       ///< null: none yet
  const BlockPlace* places_end = nullptr;

  std::int16_t* tiles = nullptr;    ///< all zero where nothing has been decoded
  std::uint8_t* lengths = nullptr;  ///< a block's coefficients, without the zeros at its end
  std::array<const HuffmanTable*, 3> dc{};
  std::array<const HuffmanTable*, 3> ac{};

  /// Continues with the bits from `begin` on.
  void seek(const std::uint8_t* begin) {
    bits = 0;
    bit_count = 0;
    next = begin;
  }
  /// The bits since `begin` that are decoded.
  std::size_t bits_since(const std::uint8_t* begin) const {
    return static_cast<std::size_t>(next - begin) * 8 - bit_count;
  }
};

enum class EntropyStop : std::uint8_t {
  done,   ///< all blocks up to places_end
  broken  ///< no such code, more than 64 coefficients, or beyond the data
};

/// What a call ended with: stream number `stream` stopped.
struct EntropyEnd {
  EntropyStop stop = EntropyStop::done;
  std::size_t stream = 0;
};

/// Places the quantized coefficients of the blocks from place to places_end; at position 0 the
/// difference of the DC coefficient. Never reads further than kScanPaddingBytes behind `limit`.
EntropyStop decode_entropy(EntropyStream& stream);

/// The same for two streams at once, symbol by symbol in turn, so that one waits for its look-up
/// while the other computes. Returns when the first of them stops; the other stays as it is.
EntropyEnd decode_entropy(EntropyStream& first, EntropyStream& second);

}  // namespace millrace::jpeg
