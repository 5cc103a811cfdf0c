// The first line is a tokenizer.json, the rest a text: the file is refused, or every text gets ids.

#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "millrace/transforms/tokenizers/tokenizer_file.h"
#include "token_ids.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view json = all.substr(0, all.find('\n'));
  const std::string_view text = json.size() == all.size() ? "" : all.substr(json.size() + 1);
  try {
    const auto options = millrace::fuzz::short_context();
    millrace::fuzz::require_ids(*millrace::tokenizer_from_file(json, {"fuzz.json"}, options), text);
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
