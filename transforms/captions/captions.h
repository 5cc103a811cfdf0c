#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Which of a sample's captions a column gets.
enum class CaptionChoice : std::uint8_t {
  first,   ///< the first that is not empty
  random,  ///< any of those that are not empty, all equally likely: see Draw
  all,     ///< each in turn: the sample takes part once for each (see Selection::expand)
};
/// "first", "random", "all".
std::string_view caption_choice_name(CaptionChoice choice);

/// What happens to captions that are empty or nothing but white space.
enum class EmptyCaptions : std::uint8_t {
  drop,  ///< as if they were not there, and counted (Ledger::captions_dropped)
  keep,  ///< they are captions like others
};
/// "drop", "keep".
std::string_view empty_captions_name(EmptyCaptions empty);

/// One place that captions may come from, and how often.
struct CaptionWeight {
  std::string selector;    ///< as Column::fields
  double probability = 0;  ///< relative to the sum of all; 0: only where the others have nothing

  bool operator==(const CaptionWeight&) const = default;
};

/// Every match of `pattern` becomes `replacement`.
struct CaptionCleanUp {
  std::string pattern;  ///< RE2's syntax, over UTF-8
  std::string
      replacement;  ///< `\1` to `\9`: what a group matched, `\0` the whole match, `\\` a `\`

  bool operator==(const CaptionCleanUp&) const = default;
};

/// How a column comes to one caption where a sample has none, several or only the makings of one.
///
/// Captions are the texts that the column's `fields` select: of the first alternative that is
/// present all of them where it is a list (`json:texts`), else the one. Instead of `fields`:
/// - `weights`: one selector is drawn by its probability, the same draw for every column of a
///   sample. Where it has no caption that is not empty, the others are asked by descending
///   probability, equal ones in their order.
/// - `templates`: each is a caption in which `{SELECTOR}` stands for a field of the sample, a list
///   for its first entry: `"a photo of {label}[, {json:meta.color}]"`. A template with a field that
///   is absent or empty is not usable; a part in brackets is only left out. `{{`, `}}`, `[[` and
///   `]]` stand for the single characters. Several templates are several captions.
///
/// `clean` is then applied, one after the other. A caption that is empty before or after that is
/// dropped or kept; where none is left, the sample is bad_text.
struct Captions {
  CaptionChoice choice = CaptionChoice::first;
  std::vector<CaptionWeight> weights;
  std::vector<std::string> templates;
  std::vector<CaptionCleanUp> clean;
  EmptyCaptions empty = EmptyCaptions::drop;

  static constexpr std::size_t kMostEntries = 64;         ///< of each list
  static constexpr std::size_t kMostPatternBytes = 4096;  ///< of a template, pattern, replacement
  /// A caption that templates or clean-up make longer than this is bad_text.
  static constexpr std::size_t kMostCaptionBytes = std::size_t{1} << 20;

  /// Throws std::invalid_argument that names the member and its value: a template or pattern that
  /// is none, one that is too long, probabilities that are negative or all 0, weights together with
  /// templates; choice = all with either of these or with empty = keep.
  void validate() const;

  bool operator==(const Captions&) const = default;
};

}  // namespace millrace
