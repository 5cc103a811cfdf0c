#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/loader/caption_chooser.h"
#include "millrace/loader/permutation.h"
#include "millrace/transforms/column.h"
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

/// What the columns read of one sample after another: fields that are selected, captions that are
/// chosen. Holds the scratch for one sample, kept. Not thread-safe.
class SampleFields {
 public:
  explicit SampleFields(const Columns& columns);

  /// Finds every column's field, so that what lacks a caption costs no decoding.
  /// Errors: those of FieldSelector and CaptionChooser.
  Result<void> select(const Sample& sample, const SlotUse& use);
  /// Of the selected sample: the bytes of a column's field, valid until the sample or this is used
  /// again.
  std::span<const std::uint8_t> of(std::size_t column) const { return columns_[column].field; }
  const Draw& draw() const { return draw_; }
  /// Empty captions of the selected sample that were passed over.
  std::uint32_t captions_dropped() const { return captions_dropped_; }

 private:
  struct Reader {
    std::string name;
    std::optional<FieldSelector> selector;
    FieldSelector::Scratch scratch;
    std::optional<CaptionChooser> captions;  // instead of the selector
    std::span<const std::uint8_t> field;     // of the sample at hand
  };

  std::vector<Reader> columns_;
  Draw draw_;
  std::uint32_t captions_dropped_ = 0;
};

}  // namespace millrace
