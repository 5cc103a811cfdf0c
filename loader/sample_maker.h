#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/sample_fields.h"
#include "millrace/transforms/column.h"
#include "millrace/transforms/decode/decoded_images.h"

namespace millrace {

/// Makes the columns of samples whose fields are selected. All the scratch of one thread's
/// transforms is here, kept between samples. Not thread-safe: one a thread.
class SampleMaker {
 public:
  /// So many samples may be made together.
  static constexpr std::size_t kMostTogether = 2;

  /// `decoded` may be that of other makers that are used in turn with this one; it outlives this.
  SampleMaker(const Columns& columns, DecodedImages& decoded);

  std::size_t columns() const { return columns_.size(); }

  /// To be called whenever fields have been selected anew.
  void begin() { decoded_.forget(); }
  /// Up to kMostTogether samples of which `write` makes all columns next, one sample after the
  /// other: transforms may begin with all of them.
  void prepare(std::span<const SampleFields* const> samples, StageTimes& times);
  /// The sample's field transformed into `slot`. Errors name the column.
  Result<void> write(std::size_t column, const SampleFields& sample, std::span<std::byte> slot,
                     StageTimes& times);
  /// OutputSpec::slot_bytes of the column.
  std::size_t slot_bytes(std::size_t column) const { return columns_[column].slot_bytes; }

 private:
  struct Maker {
    std::string name;
    std::unique_ptr<SlotWriter> writer;
    std::size_t slot_bytes = 0;
  };

  DecodedImages& decoded_;  // of the samples at hand
  std::vector<Maker> columns_;
};

}  // namespace millrace
