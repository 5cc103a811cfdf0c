#include "millrace/transforms/jpeg/jpeg_smoothing.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <jerror.h>

namespace millrace {
namespace {

static_assert(LIBJPEG_TURBO_VERSION_NUMBER >= 2001000,
              "coef_bits has the state before the last scan since libjpeg-turbo 2.1");

constexpr int kReach = 2;  ///< blocks each way
constexpr int kSide = 2 * kReach + 1;
constexpr int kMostMissingBits = 13;   ///< the format has no more
constexpr std::size_t kEstimated = 9;  ///< AC coefficients, the first of the zigzag order

/// Weights of the DC values around a block, of 256.
using Kernel = std::array<std::array<int, kSide>, kSide>;

constexpr Kernel transposed(const Kernel& of) {
  Kernel result{};
  for (std::size_t y = 0; y < kSide; ++y) {
    for (std::size_t x = 0; x < kSide; ++x) result[y][x] = of[x][y];
  }
  return result;
}

// Where no AC coefficient of a component is there, the blocks' averages are smoothed, too.
constexpr Kernel kDc = {{{-2, -6, -8, -6, -2},
                         {-6, 6, 42, 6, -6},
                         {-8, 42, 152, 42, -8},
                         {-6, 6, 42, 6, -6},
                         {-2, -6, -8, -6, -2}}};
constexpr Kernel kAc01 = {{{-1, -1, 0, 1, 1},
                           {-3, 13, 0, -13, 3},
                           {-3, 38, 0, -38, 3},
                           {-3, 13, 0, -13, 3},
                           {-1, -1, 0, 1, 1}}};
constexpr Kernel kAc02 = {
    {{0, 0, 0, 0, 0}, {0, 2, -5, 2, 0}, {1, 7, -14, 7, 1}, {0, 2, -5, 2, 0}, {0, 0, 0, 0, 0}}};
constexpr Kernel kAc11 = {
    {{-1, 0, 0, 0, 1}, {0, 9, 0, -9, 0}, {0, 0, 0, 0, 0}, {0, -9, 0, 9, 0}, {1, 0, 0, 0, -1}}};
constexpr Kernel kAc03 = {
    {{0, 0, 0, 0, 0}, {0, 1, 0, -1, 0}, {0, 2, 0, -2, 0}, {0, 1, 0, -1, 0}, {0, 0, 0, 0, 0}}};
constexpr Kernel kAc12 = {
    {{0, 0, 0, 0, 0}, {0, 1, -3, 1, 0}, {0, 0, 0, 0, 0}, {0, -1, 3, -1, 0}, {0, 0, 0, 0, 0}}};

// Where some are, the averages stay, and five coefficients are estimated.
constexpr Kernel kKnownDcAc01 = {
    {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {-7, 50, 0, -50, 7}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}};
constexpr Kernel kKnownDcAc02 = {
    {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {-1, 13, -24, 13, -1}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}};
constexpr Kernel kKnownDcAc11 = {{{0, -1, 0, 1, 0},
                                  {-1, 10, 0, -10, 1},
                                  {0, 0, 0, 0, 0},
                                  {1, -10, 0, 10, -1},
                                  {0, 1, 0, -1, 0}}};

/// In the zigzag order of the AC coefficients, from the first.
constexpr std::array<std::size_t, kEstimated> kNaturalOrder = {1, 8, 16, 9, 2, 3, 10, 17, 24};
constexpr std::array<Kernel, kEstimated> kKernels = {
    kAc01, transposed(kAc01), transposed(kAc02), kAc11, kAc02, kAc03,
    kAc12, transposed(kAc12), transposed(kAc03)};
constexpr std::array<Kernel, 5> kKnownDcKernels = {
    kKnownDcAc01, transposed(kKnownDcAc01), transposed(kKnownDcAc02), kKnownDcAc11, kKnownDcAc02};

/// How many low bits of each AC coefficient are missing, by its place in the zigzag order; -1:
/// nothing is known of it.
using MissingBits = std::array<int, kEstimated + 1>;

/// The DC values of a component, which its blocks lose while they are smoothed.
struct DcValues {
  JCOEF* values;
  int columns;

  const JCOEF* row(int y) const { return values + static_cast<std::ptrdiff_t>(y) * columns; }
};

/// The five rows around a row of blocks.
using DcRows = std::array<const JCOEF*, kSide>;

struct Window {
  std::array<std::array<int, kSide>, kSide> dc;

  Window(const DcRows& rows, int column, int last_column) {
    for (std::size_t y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        dc[y][static_cast<std::size_t>(x)] =
            rows[y][std::clamp(column + x - kReach, 0, last_column)];
      }
    }
  }

  /// The weighted sum in units of a coefficient whose quantizer is `quantizer`, rounded away from
  /// 0.
  std::int64_t estimate(const Kernel& kernel, std::int64_t dc_quantizer, std::int64_t quantizer,
                        int missing_bits) const {
    int sum = 0;
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t x = 0; x < kSide; ++x) sum += kernel[y][x] * dc[y][x];
    }
    const std::int64_t scaled = dc_quantizer * sum;
    std::int64_t size = ((quantizer << 7) + std::abs(scaled)) / (quantizer << 8);
    // More would contradict the bits that are known.
    if (missing_bits > 0) size = std::min(size, (std::int64_t{1} << missing_bits) - 1);
    return scaled < 0 ? -size : size;
  }
};

void smooth_block(JCOEF* block, const Window& window, const MissingBits& missing,
                  const JQUANT_TBL& quantizers) {
  const bool has_no_ac =
      std::all_of(missing.begin() + 1, missing.end(), [](int m) { return m < 0; });
  const std::span<const Kernel> kernels =
      has_no_ac ? std::span<const Kernel>(kKernels) : std::span<const Kernel>(kKnownDcKernels);
  const std::int64_t dc_quantizer = quantizers.quantval[0];
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const std::size_t at = kNaturalOrder[i];
    if (missing[i + 1] == 0 || block[at] != 0) continue;
    block[at] = static_cast<JCOEF>(
        window.estimate(kernels[i], dc_quantizer, quantizers.quantval[at], missing[i + 1]));
  }
  if (has_no_ac) {
    block[0] = static_cast<JCOEF>(window.estimate(kDc, dc_quantizer, dc_quantizer, 0));
  }
}

bool is_worth_smoothing(const jpeg_decompress_struct& cinfo) {
  if (cinfo.progressive_mode == FALSE || cinfo.coef_bits == nullptr) return false;
  bool is_incomplete = false;
  for (int c = 0; c < cinfo.num_components; ++c) {
    const JQUANT_TBL* quantizers = cinfo.comp_info[c].quant_table;
    if (quantizers == nullptr || quantizers->quantval[0] == 0) return false;
    for (const std::size_t at : kNaturalOrder) {
      if (quantizers->quantval[at] == 0) return false;
    }
    const int* missing = cinfo.coef_bits[c];
    if (missing[0] < 0) return false;
    is_incomplete = is_incomplete || std::any_of(missing + 1, missing + 1 + kEstimated,
                                                 [](int bits) { return bits != 0; });
  }
  return is_incomplete;
}

/// All bits that are missing of a component, after the last scan or, for rows that it did not
/// reach, before.
MissingBits missing_bits(const jpeg_decompress_struct& cinfo, int component,
                         bool before_last_scan) {
  MissingBits result{};
  const int* now = cinfo.coef_bits[component];
  const int* before = cinfo.coef_bits[component + cinfo.num_components];
  for (std::size_t i = 1; i <= kEstimated; ++i) {
    if (!before_last_scan) {
      result[i] = std::clamp(now[i], -1, kMostMissingBits);
    } else if (cinfo.input_scan_number > 1) {
      result[i] = std::clamp(before[i], -1, kMostMissingBits);
    } else {
      result[i] = -1;
    }
  }
  return result;
}

class ComponentSmoother {
 public:
  ComponentSmoother(jpeg_decompress_struct& cinfo, int component, jvirt_barray_ptr blocks)
      : cinfo_(cinfo),
        component_(cinfo.comp_info[component]),
        number_(component),
        blocks_(blocks),
        columns_(static_cast<int>(component_.width_in_blocks)) {
    // With the rows that fill the last row of MCUs up.
    const int rows = static_cast<int>(cinfo.total_iMCU_rows) * component_.v_samp_factor;
    const std::size_t bytes =
        static_cast<std::size_t>(rows) * component_.width_in_blocks * sizeof(JCOEF);
    dc_.columns = columns_;
    dc_.values = static_cast<JCOEF*>(
        (*cinfo.mem->alloc_large)(reinterpret_cast<j_common_ptr>(&cinfo), JPOOL_IMAGE, bytes));
    for (int y = 0; y < rows; ++y) {
      const JBLOCK* row = row_of_blocks(y);
      for (int x = 0; x < columns_; ++x)
        dc_.values[static_cast<std::ptrdiff_t>(y) * columns_ + x] = row[x][0];
    }
  }

  void smooth(const ScanProgress& progress) {
    const auto mcu_rows = static_cast<int>(cinfo_.total_iMCU_rows);
    for (int mcu_row = 0; mcu_row < mcu_rows; ++mcu_row) {
      const MissingBits missing = missing_bits(
          cinfo_, number_, static_cast<JDIMENSION>(mcu_row) > progress.last_row_with_data());
      const int rows = rows_in(mcu_row);
      for (int i = 0; i < rows; ++i) {
        const int y = mcu_row * component_.v_samp_factor + i;
        // libjpeg counts as if all rows of MCUs were as high as this one.
        const DcRows around = rows_around(y, mcu_row * rows + i, mcu_rows * rows);
        JBLOCK* row = row_of_blocks(y);
        for (int x = 0; x < columns_; ++x) {
          smooth_block(row[x], Window(around, x, columns_ - 1), missing, *component_.quant_table);
        }
      }
    }
  }

 private:
  JBLOCK* row_of_blocks(int y) const {
    return (*cinfo_.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&cinfo_), blocks_,
                                             static_cast<JDIMENSION>(y), 1, TRUE)[0];
  }

  int rows_in(int mcu_row) const {
    const auto high = static_cast<int>(component_.height_in_blocks);
    if (mcu_row + 1 < static_cast<int>(cinfo_.total_iMCU_rows) ||
        high % component_.v_samp_factor == 0) {
      return component_.v_samp_factor;
    }
    return high % component_.v_samp_factor;
  }

  /// Of row `y`, the `number`-th of `count`.
  DcRows rows_around(int y, int number, int count) const {
    const int above = std::min(number, kReach);
    const int below = std::min(count - 1 - number, kReach);
    DcRows rows{};
    for (std::size_t i = 0; i < kSide; ++i) {
      rows[i] = dc_.row(y + std::clamp(static_cast<int>(i) - kReach, -above, below));
    }
    return rows;
  }

  jpeg_decompress_struct& cinfo_;
  const jpeg_component_info& component_;
  int number_;
  jvirt_barray_ptr blocks_;
  int columns_;
  DcValues dc_{};
};

}  // namespace

void ScanProgress::note(const jpeg_error_mgr& message, JDIMENSION row) {
  constexpr int kMarkerTaken = 1;
  if (message.msg_code == JWRN_HIT_MARKER) {
    last_row_with_data_ = row;
    has_data_ = false;
  } else if (message.msg_code == JTRC_RST ||
             (message.msg_code == JTRC_RECOVERY_ACTION && message.msg_parm.i[1] == kMarkerTaken)) {
    has_data_ = true;
  }
}

void smooth_blocks(jpeg_decompress_struct& cinfo, jvirt_barray_ptr* blocks,
                   const ScanProgress& progress) {
  if (!is_worth_smoothing(cinfo)) return;
  for (int c = 0; c < cinfo.num_components; ++c) {
    ComponentSmoother(cinfo, c, blocks[c]).smooth(progress);
  }
}

}  // namespace millrace
