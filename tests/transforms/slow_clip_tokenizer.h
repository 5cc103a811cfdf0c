#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::test {

/// CLIP's encoding step by step as the reference describes it: the whole text is decoded, lowered,
/// split and merged round by round, with nothing cut short. Quadratic in the length of a word.
/// Takes only the tables of ClipVocabulary and UnicodeProperties from the library.
std::vector<std::int64_t> slow_clip_ids(std::string_view text, int context_length);

}  // namespace millrace::test
