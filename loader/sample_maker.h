#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/loader/caption_chooser.h"
#include "millrace/loader/permutation.h"
#include "millrace/transforms/column.h"
#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/draw.h"

namespace millrace {

/// What a sample is made for.
struct SlotUse {
  Draw draw;               ///< of the slot
  std::uint64_t part = 0;  ///< which of its captions, see SelectedSamples::part
};

/// The draw of a global position in an epoch; `epoch_seed` is mix(seed, epoch).
inline Draw draw_of(std::uint64_t epoch_seed, std::uint64_t position) {
  return {mix(epoch_seed, position)};
}

/// Makes the columns of one sample after another: selects the fields, chooses captions, transforms.
/// All the scratch of one thread is here, kept between samples. Not thread-safe: one a thread.
class SampleMaker {
 public:
  explicit SampleMaker(const Columns& columns);

  std::size_t columns() const { return columns_.size(); }

  /// Finds every column's field, so that what lacks a caption costs no decoding.
  /// Errors: those of FieldSelector and CaptionChooser.
  Result<void> select(const Sample& sample, const SlotUse& use);
  /// Of the selected sample: the bytes of a column's field, valid until the sample or this is used
  /// again.
  std::span<const std::uint8_t> field(std::size_t column) const { return columns_[column].field; }
  /// The column's field transformed into `slot`. Errors name the column.
  Result<void> write(std::size_t column, std::span<std::byte> slot, StageTimes& times);
  /// OutputSpec::slot_bytes of the column.
  std::size_t slot_bytes(std::size_t column) const { return columns_[column].slot_bytes; }
  /// Empty captions of the selected sample that were passed over.
  std::uint32_t captions_dropped() const { return captions_dropped_; }

 private:
  struct Maker {
    std::string name;
    std::optional<FieldSelector> selector;
    FieldSelector::Scratch scratch;
    std::optional<CaptionChooser> captions;  // instead of the selector
    std::unique_ptr<SlotWriter> writer;
    std::size_t slot_bytes = 0;
    std::span<const std::uint8_t> field;  // of the sample at hand
  };

  std::unique_ptr<DecodedImages> decoded_;  // of the sample at hand; the writers refer to it
  std::vector<Maker> columns_;
  Draw draw_;  // of the sample at hand
  std::uint32_t captions_dropped_ = 0;
};

}  // namespace millrace
