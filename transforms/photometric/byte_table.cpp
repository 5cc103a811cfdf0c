#include "millrace/transforms/photometric/byte_table.h"

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

}  // namespace millrace::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace {

HWY_EXPORT(map_bytes);

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

void apply_table(const ByteTable& table, MutableImageView image) {
  alignas(64) const ByteTable aligned = table;
  for_each_run(image, [&](std::uint8_t* rgb, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(map_bytes)(aligned.data(), rgb, count * 3);
  });
}

}  // namespace millrace
#endif
