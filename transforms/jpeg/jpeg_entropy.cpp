#include "millrace/transforms/jpeg/jpeg_entropy.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/jpeg/jpeg_entropy.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#ifndef MILLRACE_JPEG_ENTROPY_ONCE
#define MILLRACE_JPEG_ENTROPY_ONCE
namespace millrace::jpeg::entropy {

/// Where the coefficient before a position lies in a block of a tile. An entry moves the position
/// by up to 16, or by kEndOfBlock or kLong: the zero that comes with these goes where there is one
/// already.
struct Placement {
  std::array<std::uint8_t, 256 + 64> offset{};

  constexpr Placement() {
    for (std::size_t position = 0; position < offset.size(); ++position) {
      std::size_t k = position == 0 ? 0 : position - 1;
      if (position > 64) k = 63;
      if (position >= HuffmanTable::kEndOfBlock) {
        k = std::min<std::size_t>(position - HuffmanTable::kEndOfBlock, 63);
      }
      if (position >= HuffmanTable::kLong) {
        k = std::min<std::size_t>(position - HuffmanTable::kLong, 63);
      }
      const std::size_t natural = kNaturalOrder[k];
      offset[position] = static_cast<std::uint8_t>(natural / 8 * 32 + natural % 8);
    }
  }
};
inline constexpr Placement kPlacement;

}  // namespace millrace::jpeg::entropy
#endif

HWY_BEFORE_NAMESPACE();
namespace millrace::jpeg::entropy::HWY_NAMESPACE {

constexpr unsigned kIndexShift = 64 - HuffmanTable::kBits;

/// What of a stream changes with every symbol, in registers.
struct Lane {
  std::uint64_t bits;
  std::uint32_t bit_count;  // only the low byte counts
  std::uint32_t position;
  std::int16_t* block;
  const std::uint32_t* entries;
  const std::uint8_t* next;
};

HWY_INLINE Lane load_lane(const EntropyStream& s) {
  return {s.bits, s.bit_count, s.position, s.block, s.entries, s.next};
}

HWY_INLINE void store_lane(const Lane& lane, EntropyStream& s) {
  s.bits = lane.bits;
  s.bit_count = lane.bit_count & 63;
  s.position = lane.position;
  s.block = lane.block;
  s.entries = lane.entries;
  s.next = lane.next;
}

/// At least 56 bits from here on.
HWY_INLINE void refill(Lane& lane) {
  std::uint64_t word;
  std::memcpy(&word, lane.next, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  lane.bits |= word >> (lane.bit_count & 63);
  lane.next += (~lane.bit_count & 63) >> 3;
  lane.bit_count = (lane.bit_count & 63) | 56;
}

/// One look-up; up to kBits bits. True where it ends the block or needs more than a look-up.
HWY_INLINE bool decode_symbol(Lane& lane, std::uint32_t& entry) {
  entry = lane.entries[lane.bits >> kIndexShift];
  lane.bits <<= entry & 63;
  lane.bit_count -= entry;
  lane.position += (entry >> 8) & 255;
  lane.block[kPlacement.offset[lane.position]] = static_cast<std::int16_t>(entry >> 16);
  return lane.position >= 64;
}

/// Code and value of an entry that is kLong; leaves at least 25 bits. False if there is no such
/// code.
HWY_INLINE bool decode_long(Lane& lane, const HuffmanTable& table, std::uint32_t entry,
                            unsigned& symbol, int& value, unsigned size_mask) {
  refill(lane);
  unsigned length = entry >> 24;
  symbol = (entry >> 16) & 255;
  if (length == 0) {
    const auto begin = static_cast<std::uint32_t>(lane.bits >> 48);
    length = HuffmanTable::kBits + 1;
    while (begin >= table.after[length]) ++length;
    if (length > HuffmanTable::kLongestCode) return false;
    const auto code = static_cast<std::int32_t>(begin >> (16 - length));
    symbol = table.symbols[static_cast<std::size_t>(code + table.first_symbol[length]) & 255];
  }
  const unsigned size = symbol & size_mask;
  lane.bits <<= length;
  value = 0;
  if (size != 0) {
    const auto read = static_cast<std::int32_t>(lane.bits >> (64 - size));
    value = (lane.bits >> 63) != 0 ? read : read - static_cast<std::int32_t>((1U << size) - 1);
  }
  lane.bits <<= size;
  lane.bit_count -= length + size;
  return true;
}

enum class After : std::uint8_t { more, done, broken };

/// Begins the block at s.place.
HWY_INLINE After begin_block(Lane& lane, EntropyStream& s) {
  if (lane.next > s.limit) return After::broken;
  refill(lane);
  const BlockPlace place = *s.place;
  lane.block =
      s.tiles + place.block / kTileBlocks * kTileCoefficients + place.block % kTileBlocks * 8;
  const HuffmanTable& table = *s.dc[place.component];
  const std::uint32_t entry = table.entries[lane.bits >> kIndexShift];
  if (((entry >> 8) & 255) == HuffmanTable::kLong) {
    unsigned symbol = 0;
    int value = 0;
    if (!decode_long(lane, table, entry, symbol, value, 15)) return After::broken;
    lane.block[0] = static_cast<std::int16_t>(value);
    refill(lane);
  } else {
    lane.bits <<= entry & 63;
    lane.bit_count -= entry;
    lane.block[0] = static_cast<std::int16_t>(entry >> 16);
  }
  lane.entries = s.ac[place.component]->entries.data();
  lane.position = 1;
  return After::more;
}

/// After a symbol that was not plain: goes on in the block, or to the next one.
HWY_INLINE After after_symbol(Lane& lane, EntropyStream& s, std::uint32_t entry) {
  std::uint32_t length = 64;
  if (lane.position > 64) {
    const std::uint32_t advance = (entry >> 8) & 255;
    length = lane.position - advance;
    if (advance < HuffmanTable::kEndOfBlock) return After::broken;
    if (advance == HuffmanTable::kLong) {
      lane.block[kPlacement.offset[lane.position]] = 0;
      lane.position = length;
      unsigned symbol = 0;
      int value = 0;
      if (!decode_long(lane, *s.ac[s.place->component], entry, symbol, value, 15)) {
        return After::broken;
      }
      refill(lane);
      const unsigned run = symbol >> 4;
      if ((symbol & 15) != 0 || run == 15) {
        lane.position += run + 1;
        if (lane.position > 64) return After::broken;
        lane.block[kPlacement.offset[lane.position]] = static_cast<std::int16_t>(value);
        if (lane.position < 64) return After::more;
        length = 64;
      }
    }
  }
  s.lengths[s.place->block] = static_cast<std::uint8_t>(length);
  if (++s.place == s.places_end) return After::done;
  return begin_block(lane, s);
}

/// Where nothing of the places has been decoded, `block` is null.
HWY_INLINE bool resume(Lane& lane, EntropyStream& s) {
  return lane.block != nullptr || begin_block(lane, s) == After::more;
}

HWY_INLINE EntropyStop leave(Lane& lane, EntropyStream& s, After after) {
  lane.block = nullptr;
  store_lane(lane, s);
  return after == After::done ? EntropyStop::done : EntropyStop::broken;
}

EntropyStop run_one(EntropyStream& s) {
  Lane lane = load_lane(s);
  if (!resume(lane, s)) return EntropyStop::broken;
  while (true) {
    std::uint32_t entry = 0;
    refill(lane);
    // NOLINTNEXTLINE(misc-redundant-expression): each call takes the next symbol
    if (decode_symbol(lane, entry) || decode_symbol(lane, entry) || decode_symbol(lane, entry) ||
        decode_symbol(lane, entry)) {
      const After after = after_symbol(lane, s, entry);
      if (after != After::more) return leave(lane, s, after);
    }
  }
}

EntropyEnd run_two(EntropyStream& s0, EntropyStream& s1) {
  Lane a = load_lane(s0);
  Lane b = load_lane(s1);
  if (!resume(a, s0)) {
    return {EntropyStop::broken, 0};
  }
  if (!resume(b, s1)) {
    store_lane(a, s0);
    return {EntropyStop::broken, 1};
  }
  while (true) {
    std::uint32_t entry_a = 0;
    std::uint32_t entry_b = 0;
    bool a_special = false;
    refill(a);
    refill(b);
    for (int i = 0; i < 4; ++i) {
      a_special = decode_symbol(a, entry_a);
      if (a_special) break;
      if (decode_symbol(b, entry_b)) break;
      if (i == 3) goto plain;
    }
    if (a_special) {
      const After after = after_symbol(a, s0, entry_a);
      if (after != After::more) {
        const EntropyStop stop = leave(a, s0, after);
        store_lane(b, s1);
        return {stop, 0};
      }
    } else {
      const After after = after_symbol(b, s1, entry_b);
      if (after != After::more) {
        const EntropyStop stop = leave(b, s1, after);
        store_lane(a, s0);
        return {stop, 1};
      }
    }
  plain:;
  }
}

}  // namespace millrace::jpeg::entropy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::jpeg {
namespace entropy {
HWY_EXPORT(run_one);
HWY_EXPORT(run_two);
}  // namespace entropy

EntropyStop decode_entropy(EntropyStream& stream) {
  using namespace entropy;  // NOLINT: HWY_DYNAMIC_DISPATCH takes an unqualified name
  return HWY_DYNAMIC_DISPATCH(run_one)(stream);
}

EntropyEnd decode_entropy(EntropyStream& first, EntropyStream& second) {
  using namespace entropy;  // NOLINT: as above
  return HWY_DYNAMIC_DISPATCH(run_two)(first, second);
}

}  // namespace millrace::jpeg
#endif
