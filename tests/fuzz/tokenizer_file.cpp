// The first line is a tokenizer.json, the rest a text: the file is refused, or every text gets ids.

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "millrace/transforms/tokenizers/tokenizer_file.h"
#include "require.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::fuzz::require;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view json = all.substr(0, all.find('\n'));
  const std::string_view text = json.size() == all.size() ? "" : all.substr(json.size() + 1);
  try {
    millrace::TokenizerOptions options;
    options.context_length = 16;
    options.pad_id = 1;
    const auto tokenizer = millrace::tokenizer_from_file(json, {"fuzz.json"}, options);
    std::vector<std::int64_t> ids(16, -1);
    std::vector<std::int64_t> again(16, -1);
    const std::size_t count = tokenizer->encode(text, ids);
    require(count <= ids.size() && tokenizer->encode(text, again) == count && ids == again);
    for (const std::int64_t id : ids) require(id >= 0);
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
