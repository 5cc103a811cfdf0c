#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::cli {

/// A text as it may stand between tags and in quoted attributes of HTML, whatever is in it: markup
/// is escaped; bytes that are no UTF-8 and control characters are shown as `\xNN`, and so are the
/// characters that turn the direction of writing.
std::string html_text(std::string_view text);

std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace millrace::cli
