#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// What a column of an MDS shard stores, by the name of its encoding in MosaicML streaming.
enum class MdsKind : std::uint8_t {
  bytes,  ///< given as stored: text, images, JSON, arrays, pickles, numbers in digits
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  float16,
  float32,
  float64,
  boolean,
};

struct MdsColumn {
  std::string name;
  std::string encoding;
  MdsKind kind = MdsKind::bytes;
  /// Bytes of every value; none: each sample says it.
  std::optional<std::uint32_t> fixed_bytes;

  bool operator==(const MdsColumn&) const = default;
};

/// The columns as `column_names`, `column_encodings` and `column_sizes` (`~0`: null) give them.
/// Errors: damaged_shard for lists of different lengths, more than 65,536 columns, a name that
/// occurs twice, or a size that is not the encoding's.
Result<std::vector<MdsColumn>> mds_columns(const std::vector<std::string>& names,
                                           const std::vector<std::string>& encodings,
                                           const std::vector<std::uint64_t>& sizes);

/// The most bytes that `append_mds_number` appends.
inline constexpr std::size_t kMostMdsNumberBytes = 32;

/// Appends the number or boolean, whose little-endian bytes `value` are as long as its kind asks,
/// as JSON text. Floats are written as Python writes them as float64, infinities and NaN too
/// (`Infinity`, `NaN`).
void append_mds_number(MdsKind kind, std::span<const std::uint8_t> value,
                       std::vector<std::uint8_t>& text);

}  // namespace millrace
