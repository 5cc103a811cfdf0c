#pragma once

#include <string_view>

namespace millrace::cli {

/// What is wrong with a text, as far as its bytes tell.
struct TextFlaws {
  bool invalid_utf8 = false;
  bool control_character = false;      ///< C0 without tab and line ends, DEL, C1
  bool replacement_character = false;  ///< U+FFFD
  /// UTF-8 that was read as Latin-1 or Windows-1252 and written as UTF-8 again: "CafÃ©", "donâ€™t".
  /// Told by pairs of characters that hardly any language has.
  bool mojibake = false;
  bool markup = false;  ///< HTML entities, tags
};

TextFlaws find_text_flaws(std::string_view text);

}  // namespace millrace::cli
