#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// A condition over the metadata of samples: `json:quality_score >= 0.3 and (width >= 256 or not
/// height < 100)`. Immutable, thread-safe.
///
///     condition  = all { "or" all }
///     all        = one { "and" one }
///     one        = "not" one | "(" condition ")" | NAME OPERATOR NUMBER
///                | NAME "is" ( "absent" | "present" )
///     OPERATOR   = "<" | "<=" | ">" | ">=" | "==" | "!="
///
/// NAME is `json:PATH` (a value of the sample's JSON field, as for a column: `json:meta.width`), or
/// short `PATH`; letters, digits, `_`, `-`, `.` and all that is not ASCII. Or it is `image:width`,
/// `image:height` or `image:aspect`, which the header of the sample's image says. NUMBER is as in
/// JSON, taken as a double. Words are read in any case; a value called `and` is `json:and`.
///
/// Absent values follow SQL: of a sample that has no such number (none, or a string, or broken
/// JSON) no comparison holds, nor the opposite one, so neither `a < 1` nor `not a < 1` nor `a != 1`
/// selects it. Hence `not` never lets in what nobody looked at, and `not a < 1` is `a >= 1`
/// everywhere. Whoever wants such samples says so: `a >= 1 or a is absent`.
class MetadataCondition {
 public:
  struct Limits {
    std::size_t max_bytes = 65536;
    std::size_t max_depth = 100;  ///< of parentheses and nots within each other
  };

  /// Throws std::invalid_argument that says at which column (in bytes, from 1) what was expected.
  explicit MetadataCondition(std::string_view text, const Limits& limits);
  explicit MetadataCondition(std::string_view text) : MetadataCondition(text, Limits{}) {}

  /// The canonical form: full names, no `not`, no needless parentheses, numbers in their shortest
  /// form. Equal for texts that differ in those only; it is a condition, and its own canonical
  /// form.
  const std::string& text() const { return text_; }
  /// What must be known of each sample, `json:PATH`, each once.
  const std::vector<std::string>& fields() const { return fields_; }

  /// Sets bit `i % 64` of `selected[i / 64]` to whether sample i is selected, for all
  /// 0 <= i < samples, and clears the rest of the last word. `columns[f][i]` is the value of
  /// `fields()[f]` of sample i, NaN where it is absent; `selected` has ceil(samples / 64) words.
  void select(std::size_t samples, std::span<const std::vector<double>> columns,
              std::span<std::uint64_t> selected) const;

 private:
  class Parser;
  enum class Operator : std::uint8_t {
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    absent,
    present,
    both,    // of the two results before
    either,  // of the two results before
  };
  struct Step {
    Operator what;
    std::size_t field = 0;
    double number = 0;
  };

  static Operator opposite(Operator of);
  static std::uint64_t select_64(const Step& step, const double* values, std::size_t samples);

  std::string text_;
  std::vector<std::string> fields_;
  std::vector<Step> steps_;  // in postfix order
  std::size_t most_results_ = 0;
};

}  // namespace millrace
