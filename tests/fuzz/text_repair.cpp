// Any bytes: the clean-up ends, gives UTF-8, and leaves alone what looks plain.

#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/transforms/text/text_repair.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

void require_utf8(std::string_view text) {
  while (!text.empty()) {
    const millrace::Utf8Char c = millrace::decode_first(text);
    require(c.value != millrace::kReplacement || text.substr(0, 3) == "\xEF\xBF\xBD");
    text.remove_prefix(c.bytes);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static millrace::TextRepair repair;
  const std::string fixed(repair.fix_text(text));
  const std::string cleaned(repair.clean(text));
  if (fixed != text) require_utf8(fixed);
  if (cleaned != text) require_utf8(cleaned);
  require(repair.clean(text) == cleaned);
  if (millrace::TextRepair::is_plain(text) && text.find('\r') == std::string_view::npos) {
    require(fixed == text && cleaned == text);
  }
  return 0;
}
