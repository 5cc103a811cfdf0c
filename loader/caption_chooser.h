#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"
#include "millrace/transforms/captions/caption_cleaner.h"
#include "millrace/transforms/captions/captions.h"
#include "millrace/transforms/column.h"
#include "millrace/transforms/draw.h"

namespace millrace {

/// Finds a column's caption in one sample after another (see Captions). Holds the scratch of one
/// thread; allocates nothing per sample in the long run, but as CaptionCleaner.
class CaptionChooser {
 public:
  /// `column.captions` must be there. Throws std::invalid_argument on selectors that are none.
  explicit CaptionChooser(const Column& column);

  struct Chosen {
    std::span<const std::uint8_t> text;  ///< until the sample or the chooser is used again
    std::uint32_t dropped = 0;           ///< empty captions that were passed over
  };
  /// `part`: with CaptionChoice::all, which of the captions that are not empty.
  /// Random captions are uniform among those that are left: (draw, number of captions) decide.
  /// Errors: bad_text where all are empty, or one is too long; those of FieldSelector.
  Result<Chosen> choose(const Sample& sample, const Draw& draw, std::uint64_t part);

 private:
  struct Source {
    FieldSelector selector;
    FieldSelector::Scratch scratch;
    double probability = 1;
  };
  struct Piece {
    std::string literal;
    std::optional<FieldSelector> field;
    std::size_t part = 0;
  };
  using Template = std::vector<Piece>;

  enum class Usable : std::uint8_t { yes, empty, no };

  Result<Chosen> choose_among_sources(const Sample& sample, const Draw& draw, std::uint64_t part);
  Result<Chosen> choose_template(const Sample& sample, const Draw& draw);
  Result<std::optional<Chosen>> choose_text(const Draw& draw, std::uint64_t part,
                                            std::uint32_t dropped);
  std::size_t next_choice(const Draw& draw);
  std::size_t first_source(const Draw& draw) const;
  Result<Usable> fill(const Template& from, const Sample& sample);
  Result<bool> fill_part(std::span<const Piece> pieces, const Sample& sample);
  Result<Usable> clean();
  Error all_are_empty() const;

  CaptionChoice choice_;
  bool keeps_empty_;
  bool is_plain_;                // the first value as it is
  std::vector<Source> sources_;  // by descending probability
  double probabilities_ = 0;     // their sum
  std::vector<Template> templates_;
  FieldSelector::Scratch template_scratch_;
  const FieldSelector* unusable_ = nullptr;  // why a template is
  CaptionCleaner cleaner_;

  std::vector<std::span<const std::uint8_t>> texts_;
  std::vector<std::uint32_t> left_;  // of the texts or templates, which have not been tried
  std::size_t tried_ = 0;
  std::string made_;
};

}  // namespace millrace
