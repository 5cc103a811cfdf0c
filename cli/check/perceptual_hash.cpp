#include "check/perceptual_hash.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace::cli {

namespace {

constexpr std::size_t kGrid = 32;
constexpr std::size_t kTaps = 4;  // pixels looked at for each entry of the grid, in each direction
constexpr std::size_t kFrequencies = 8;
constexpr int kUnitsPerLevel = 4 * kTaps * kTaps;  // of the grid, for each level of brightness

using Grid = std::array<std::array<std::int32_t, kGrid>, kGrid>;

// round(256 cos((2 x + 1) u pi / 64)): every angle is a multiple of pi / 64.
constexpr std::array<std::int32_t, 33> kQuarterWave = {
    256, 256, 255, 253, 251, 248, 245, 241, 237, 231, 226, 220, 213, 206, 198, 190, 181,
    172, 162, 152, 142, 132, 121, 109, 98,  86,  74,  62,  50,  38,  25,  13,  0};

constexpr std::int32_t cosine(std::size_t angle) {
  angle %= 128;
  if (angle > 64) angle = 128 - angle;
  return angle <= 32 ? kQuarterWave[angle] : -kQuarterWave[64 - angle];
}

constexpr auto kCosines = [] {
  std::array<std::array<std::int32_t, kGrid>, kFrequencies> table{};
  for (std::size_t u = 0; u < kFrequencies; ++u) {
    for (std::size_t x = 0; x < kGrid; ++x) table[u][x] = cosine((2 * x + 1) * u);
  }
  return table;
}();

// The middles of 128 equal parts of a side.
std::size_t tap(std::size_t i, int side) {
  return (2 * i + 1) * static_cast<std::size_t>(side) / (2 * kGrid * kTaps);
}

void read_brightness(ImageView image, Grid& grid) {
  std::array<std::size_t, kGrid * kTaps> columns{};
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = 3 * tap(i, image.width);
  for (std::size_t y = 0; y < kGrid; ++y) {
    grid[y].fill(0);
    for (std::size_t t = 0; t < kTaps; ++t) {
      const std::uint8_t* row = image.row(static_cast<int>(tap(y * kTaps + t, image.height)));
      for (std::size_t x = 0; x < kGrid; ++x) {
        std::int32_t sum = 0;
        for (std::size_t s = 0; s < kTaps; ++s) {
          const std::uint8_t* pixel = row + columns[x * kTaps + s];
          sum += pixel[0] + 2 * pixel[1] + pixel[2];
        }
        grid[y][x] += sum;
      }
    }
  }
}

bool is_flat(const Grid& grid) {
  constexpr std::int32_t kLevels = 4;
  std::int32_t low = grid[0][0];
  std::int32_t high = low;
  for (const auto& row : grid) {
    const auto [least, most] = std::minmax_element(row.begin(), row.end());
    low = std::min(low, *least);
    high = std::max(high, *most);
  }
  return high - low <= kLevels * kUnitsPerLevel;
}

}  // namespace

PerceptualHash perceptual_hash(ImageView image) {
  Grid grid;
  read_brightness(image, grid);
  if (is_flat(grid)) return {0, true};

  std::array<std::array<std::int32_t, kGrid>, kFrequencies> rows_done{};
  for (std::size_t u = 0; u < kFrequencies; ++u) {
    for (std::size_t y = 0; y < kGrid; ++y) {
      std::int32_t sum = 0;
      for (std::size_t x = 0; x < kGrid; ++x) sum += kCosines[u][x] * grid[y][x];
      rows_done[u][y] = sum;
    }
  }
  std::array<std::int64_t, kFrequencies * kFrequencies> coefficients{};
  for (std::size_t u = 0; u < kFrequencies; ++u) {
    for (std::size_t v = 0; v < kFrequencies; ++v) {
      std::int64_t sum = 0;
      for (std::size_t y = 0; y < kGrid; ++y) {
        sum += std::int64_t{kCosines[v][y]} * rows_done[u][y];
      }
      coefficients[u * kFrequencies + v] = sum;
    }
  }
  // Without the first, which is the mean brightness.
  auto sorted = coefficients;
  const auto middle = sorted.begin() + 1 + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin() + 1, middle, sorted.end());
  PerceptualHash hash;
  for (std::size_t i = 1; i < coefficients.size(); ++i) {
    if (coefficients[i] > *middle) hash.bits |= std::uint64_t{1} << i;
  }
  return hash;
}

}  // namespace millrace::cli
