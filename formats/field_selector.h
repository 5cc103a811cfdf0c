#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which part of a sample a column reads: alternatives separated by `;`, the first one present
/// wins. An alternative is a field name (`jpg`), a value inside a JSON field (`json:caption`,
/// `json:meta.width`, `json:texts`: a list gives its first entry), or `__key__`, `__shard__`,
/// `__offset__`.
class FieldSelector {
 public:
  /// Throws std::invalid_argument on an empty selector or alternative.
  explicit FieldSelector(std::string_view text);

  const std::string& text() const { return text_; }
  /// The fields of a sample that it looks at: what ReadOptions::fields must name. Those of
  /// millrace's own (`__key__`) are not among them.
  std::vector<std::string> fields() const;
  /// The same of several selectors. Throws std::invalid_argument as the constructor.
  static std::vector<std::string> fields_of(std::span<const std::string> selectors);

  /// Per-thread scratch of `select`; kept so that selecting allocates nothing in the long run.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(Scratch&&) noexcept;

   private:
    friend class FieldSelector;
    struct Parts;
    std::unique_ptr<Parts> parts_;
  };

  /// The selected bytes; a JSON string unescaped, a JSON number or literal as it is written. Valid
  /// until the sample or the scratch is used again.
  /// Errors: missing_field (says what was asked for and what there is), bad_json.
  Result<std::span<const std::uint8_t>> select(const Sample& sample, Scratch& scratch) const;

 private:
  struct Alternative {
    std::string field;
    std::vector<std::string> json_path;  // empty: the field itself
  };
  std::string text_;
  std::vector<Alternative> alternatives_;
};

}  // namespace millrace
