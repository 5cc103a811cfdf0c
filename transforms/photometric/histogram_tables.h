#pragma once

#include <array>

#include "millrace/transforms/image.h"
#include "millrace/transforms/photometric/byte_table.h"

namespace millrace {

/// ImageOps.autocontrast: of each channel the least value becomes 0, the largest 255.
std::array<ByteTable, 3> autocontrast_tables(ImageView image);

/// ImageOps.equalize: of each channel all values become about equally frequent.
std::array<ByteTable, 3> equalize_tables(ImageView image);

}  // namespace millrace
