#include "millrace/transforms/photometric/histogram_tables.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "millrace/transforms/photometric/pixel_runs.h"

namespace millrace {
namespace {

using Histogram = std::array<std::uint64_t, 256>;

std::array<Histogram, 3> histograms_of(ImageView image) {
  std::array<Histogram, 3> counts{};
  for_each_run(image, [&](const std::uint8_t* rgb, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, rgb += 3) {
      for (std::size_t c = 0; c < 3; ++c) ++counts[c][rgb[c]];
    }
  });
  return counts;
}

ByteTable unchanged() {
  ByteTable table{};
  std::iota(table.begin(), table.end(), std::uint8_t{0});
  return table;
}

ByteTable stretched(const Histogram& counts) {
  const auto is_there = [](std::uint64_t count) { return count > 0; };
  const auto low = std::find_if(counts.begin(), counts.end(), is_there) - counts.begin();
  const auto high = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), is_there) - 1;
  if (high <= low) return unchanged();
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = static_cast<double>(-low) * scale;
  ByteTable table{};
  for (std::size_t value = 0; value < 256; ++value) {
    const double stretched_value = static_cast<double>(value) * scale + offset;
    table[value] = static_cast<std::uint8_t>(std::clamp(stretched_value, 0.0, 255.0));
  }
  return table;
}

ByteTable equalized(const Histogram& counts) {
  std::uint64_t all = 0;
  std::uint64_t last = 0;
  for (const std::uint64_t count : counts) {
    all += count;
    if (count > 0) last = count;
  }
  const std::uint64_t step = (all - last) / 255;
  if (step == 0) return unchanged();
  ByteTable table{};
  std::uint64_t before = step / 2;
  for (std::size_t value = 0; value < 256; ++value) {
    table[value] = static_cast<std::uint8_t>(std::min<std::uint64_t>(before / step, 255));
    before += counts[value];
  }
  return table;
}

template <typename TableOf>
std::array<ByteTable, 3> tables_of(ImageView image, TableOf table_of) {
  const std::array<Histogram, 3> counts = histograms_of(image);
  return {table_of(counts[0]), table_of(counts[1]), table_of(counts[2])};
}

}  // namespace

std::array<ByteTable, 3> autocontrast_tables(ImageView image) {
  return tables_of(image, stretched);
}

std::array<ByteTable, 3> equalize_tables(ImageView image) { return tables_of(image, equalized); }

}  // namespace millrace
