// Any text is a spec: expanding its braces must end, keep its limit, and leave plain text alone.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "millrace/formats/brace_expansion.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxResults = 1000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expanded = millrace::expand_braces(text, kMaxResults);
  if (!expanded) return 0;
  if (expanded->empty() || expanded->size() > kMaxResults) std::abort();
  const bool plain = text.find_first_of("{}\\") == std::string_view::npos;
  if (plain && (expanded->size() != 1 || expanded->front() != text)) std::abort();
  return 0;
}
