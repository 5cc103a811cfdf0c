#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// What stands for `&name`: one to three code points, then 0.
struct HtmlEntity {
  std::string_view name;
  char32_t first;
  char32_t second = 0;
  char32_t third = 0;
};

// Sorted by name; written by make_ftfy_tables.py.
extern const std::span<const HtmlEntity> kHtml5Entities;    ///< Python's html.entities.html5
extern const std::span<const HtmlEntity> kCapitalEntities;  ///< names in capitals that ftfy adds

/// Python's html.unescape: HTML 5's rules for character references, also for those without a
/// semicolon and for the longest name at the front of a longer word. `scratch` is for the work.
void unescape_html(std::u32string& text, std::u32string& scratch);

/// ftfy's unescape_html: only references that end in a semicolon, and names in capitals as well.
void unescape_plain_entities(std::u32string& text, std::u32string& scratch);

}  // namespace millrace
