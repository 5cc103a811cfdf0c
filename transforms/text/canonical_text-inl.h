#pragma once

#include <string>
#include <string_view>

namespace millrace {

// Parts of what big_vision's canonicalize_text does, from which SigLIP's tokenizers have theirs:
// each reads UTF-8 and writes over `out`, which must be another string.

/// Without ASCII punctuation (Python's string.punctuation); `keeps_words_apart`: with a space for
/// each `_`.
void remove_punctuation(std::string_view text, bool keeps_words_apart, std::string& out);

/// Python's str.lower.
void lower_text(std::string_view text, std::string& out);

/// Python's " ".join(text.split()).
void collapse_spaces(std::string_view text, std::string& out);

/// `text`, or where it is not UTF-8, a copy of it in `out` with U+FFFD for each maximal invalid
/// part.
std::string_view valid_utf8(std::string_view text, std::string& out);

}  // namespace millrace
