#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
  /// The same, but nothing where there is no such field, of a list the first entry that has a
  /// value, and of a field that is a JSON value (see Field) what `NAME:` selects. It is the first
  /// of what `find_all` gives. Allocates nothing in the long run.
  Result<std::optional<std::span<const std::uint8_t>>> find(const Sample& sample,
                                                            Scratch& scratch) const;
  /// `values` become all that is selected: of the first alternative present every entry of its
  /// list, also of a field that is one (see Field), else the one value (see
  /// JsonValueReader::find_all); none where nothing is present. Valid as those of `select`.
  /// Errors: bad_json.
  Result<void> find_all(const Sample& sample, Scratch& scratch,
                        std::vector<std::span<const std::uint8_t>>& values) const;
  /// What `select` says where there is nothing.
  Error missing(const Sample& sample) const;

 private:
  struct Alternative {
    std::string field;
    bool is_json = false;  // else the field's bytes
    std::vector<std::string> json_path;
  };
  enum class JsonValues : std::uint8_t { as_written, opened };
  Result<std::optional<std::span<const std::uint8_t>>> find_first(const Sample& sample,
                                                                  Scratch& scratch,
                                                                  JsonValues values) const;
  /// An alternative's bytes; nothing: it is not present. Of JSON `all`, if not null, get every
  /// entry.
  Result<std::optional<std::span<const std::uint8_t>>> find_in(
      const Alternative& alternative, const Sample& sample, Scratch& scratch, JsonValues values,
      std::vector<std::string_view>* all) const;

  std::string text_;
  std::vector<Alternative> alternatives_;
};

/// Whether a text is empty or nothing but white space (of Unicode, and the separators U+001C to
/// U+001F). Text that is no UTF-8 is not.
bool is_empty_text(std::span<const std::uint8_t> text);

}  // namespace millrace
