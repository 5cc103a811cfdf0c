#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// A caption with places for fields of the sample, taken apart: `a photo of
/// {label}[, {json:meta.color}]` is literals, two fields and an optional part. Immutable.
///
///     template = { literal | field | optional }
///     optional = "[" { literal | field } "]"      with at least one field
///     field    = "{" SELECTOR "}"
///     literal  = characters, of which "{{", "}}", "[[", "]]" stand for the single ones
class CaptionTemplate {
 public:
  /// Throws std::invalid_argument that says at which byte (from 1) what is wrong. Whether selectors
  /// are any is not looked at here.
  explicit CaptionTemplate(std::string_view text);

  struct Piece {
    bool is_field = false;
    std::string text;      ///< the literal, unescaped, or the selector
    std::size_t part = 0;  ///< 0: always there; else the number of the optional part, from 1
  };
  std::span<const Piece> pieces() const { return pieces_; }
  std::vector<std::string> selectors() const;

 private:
  std::vector<Piece> pieces_;
};

}  // namespace millrace
