#pragma once

#include <array>
#include <cstdint>

#include "millrace/transforms/image.h"

namespace millrace {

/// What becomes of each value of a byte.
using ByteTable = std::array<std::uint8_t, 256>;

/// Pillow's blend of one value with all others: brightness is the one with 0, contrast the one with
/// the mean of the luma.
ByteTable blend_table(std::uint8_t with, float factor);
/// ImageOps.solarize: values of at least `threshold` are inverted.
ByteTable solarize_table(float threshold);
/// ImageOps.posterize: the upper `bits` bits stay, 0 to 8.
ByteTable posterize_table(int bits);

/// Every byte of the image, in place.
void apply_table(const ByteTable& table, MutableImageView image);
/// Every channel by a table of its own.
void apply_tables(const std::array<ByteTable, 3>& tables, MutableImageView image);

}  // namespace millrace
