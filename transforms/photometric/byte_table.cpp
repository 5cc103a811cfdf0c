#include "millrace/transforms/photometric/byte_table.h"

#include <algorithm>
#include <cstddef>

#include "millrace/transforms/photometric/color_arithmetic.h"
#include "millrace/transforms/photometric/pixel_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transforms/photometric/byte_table.cpp"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

// Looks up in kTables times 16 values: both halves, and the bit that says which.
template <std::size_t kTables, typename Tag, typename Vector = hwy::HWY_NAMESPACE::Vec<Tag>>
HWY_INLINE Vector look_up(Tag d8, const std::uint8_t* table, Vector bytes, Vector low) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (kTables == 1) {
    return hn::TableLookupBytes(hn::LoadDup128(d8, table), low);
  } else {
    constexpr std::size_t kHalf = kTables / 2;
    const auto is_upper = hn::TestBit(bytes, hn::Set(d8, static_cast<std::uint8_t>(16 * kHalf)));
    return hn::IfThenElse(is_upper, look_up<kHalf>(d8, table + 16 * kHalf, bytes, low),
                          look_up<kHalf>(d8, table, bytes, low));
  }
}

#endif

void map_bytes(const std::uint8_t* table, std::uint8_t* bytes, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint8_t> d8;
  const std::size_t lanes = hn::Lanes(d8);
  for (; i + lanes <= count; i += lanes) {
    const auto found = hn::LoadU(d8, bytes + i);
    const auto low = hn::And(found, hn::Set(d8, 15));
    hn::StoreU(look_up<16>(d8, table, found, low), d8, bytes + i);
  }
#endif
  for (; i < count; ++i) bytes[i] = table[bytes[i]];
}

void map_channels(const std::uint8_t* tables, std::uint8_t* rgb, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<std::uint8_t> d8;
  using Vector = hn::Vec<decltype(d8)>;
  const std::size_t lanes = hn::Lanes(d8);
  const auto low = hn::Set(d8, 15);
  for (; i + lanes <= count; i += lanes, rgb += 3 * lanes) {
    Vector r;
    Vector g;
    Vector b;
    hn::LoadInterleaved3(d8, rgb, r, g, b);
    r = look_up<16>(d8, tables, r, hn::And(r, low));
    g = look_up<16>(d8, tables + 256, g, hn::And(g, low));
    b = look_up<16>(d8, tables + 512, b, hn::And(b, low));
    hn::StoreInterleaved3(r, g, b, d8, rgb);
  }
#endif
  for (; i < count; ++i, rgb += 3) {
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = tables[256 * c + rgb[c]];
  }
}

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(map_bytes);
HWY_EXPORT(map_channels);

ByteTable blend_table(std::uint8_t with, float factor) {
  ByteTable table{};
  for (int value = 0; value < 256; ++value) {
    table[static_cast<std::size_t>(value)] = blended(with, value, factor);
  }
  return table;
}

ByteTable solarize_table(float threshold) {
  ByteTable table{};
  for (int value = 0; value < 256; ++value) {
    const bool stays = static_cast<float>(value) < threshold;
    table[static_cast<std::size_t>(value)] = static_cast<std::uint8_t>(stays ? value : 255 - value);
  }
  return table;
}

ByteTable posterize_table(int bits) {
  ByteTable table{};
  for (unsigned value = 0; value < 256; ++value) {
    table[value] = static_cast<std::uint8_t>(value & 0xFF00U >> bits);
  }
  return table;
}

void apply_table(const ByteTable& table, MutableImageView image) {
  alignas(64) const ByteTable aligned = table;
  for_each_run(image, [&](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(map_bytes)(aligned.data(), rgb, count * 3);
  });
}

void apply_tables(const std::array<ByteTable, 3>& tables, MutableImageView image) {
  alignas(64) std::array<std::uint8_t, 768> aligned{};
  for (std::size_t c = 0; c < 3; ++c) {
    std::copy(tables[c].begin(), tables[c].end(), &aligned[256 * c]);
  }
  for_each_run(image, [&](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(map_channels)(aligned.data(), rgb, count);
  });
}

}  // namespace millrace
#endif
