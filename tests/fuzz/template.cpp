// Captions from templates and patterns: "TEMPLATE\nPATTERN\nREPLACEMENT\nCAPTION". What is a
// template has no piece that is empty, and clean-up does what RE2 itself does.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "millrace/transforms/captions/caption_cleaner.h"
#include "millrace/transforms/captions/caption_template.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

using millrace::Captions;
using millrace::CaptionTemplate;

std::string take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string line(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// Puts its pieces together again: that is a template of the same pieces.
void check_template(const CaptionTemplate& parsed) {
  std::string text;
  std::size_t part = 0;
  for (const CaptionTemplate::Piece& piece : parsed.pieces()) {
    require(!piece.text.empty());
    if (piece.part != part) {
      text += part > 0 ? "]" : "";
      text += piece.part > 0 ? "[" : "";
      part = piece.part;
    }
    if (piece.is_field) {
      text += "{" + piece.text + "}";
      continue;
    }
    for (const char c : piece.text) {
      text += c;
      if (c == '{' || c == '}' || c == '[' || c == ']') text += c;
    }
  }
  text += part > 0 ? "]" : "";
  const CaptionTemplate again(text);
  require(again.pieces().size() == parsed.pieces().size());
  for (std::size_t i = 0; i < again.pieces().size(); ++i) {
    require(again.pieces()[i].text == parsed.pieces()[i].text);
    require(again.pieces()[i].is_field == parsed.pieces()[i].is_field);
  }
}

// RE2 steps through broken characters byte by byte, and the cleaner by what is one.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const millrace::Utf8Char c = millrace::decode_first(text);
    if (c.value == millrace::kReplacement) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Captions captions;
  captions.templates = {take_line(rest)};
  const std::string pattern = take_line(rest);
  const std::string replacement = take_line(rest);
  captions.clean = {{pattern, replacement}};
  try {
    check_template(CaptionTemplate(captions.templates.front()));
  } catch (const std::invalid_argument&) {
    captions.templates.clear();
  }
  try {
    captions.validate();
  } catch (const std::invalid_argument&) {
    return 0;
  }
  millrace::CaptionCleaner cleaner(captions.clean);
  std::string cleaned(rest);
  const bool fits = cleaner.clean(cleaned);
  require(!fits || cleaned.size() <= Captions::kMostCaptionBytes);
  if (!fits || !is_utf8(rest)) return 0;
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 expression(pattern, options);
  std::string expected(rest);
  RE2::GlobalReplace(&expected, expression, replacement);
  require(cleaned == expected);
  return 0;
}
