// The first line is a selector, the rest a JSON document.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "millrace/formats/field_selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint8_t* line_end = std::find(data, data + size, '\n');
  const std::string_view text(reinterpret_cast<const char*>(data),
                              static_cast<std::size_t>(line_end - data));
  const std::uint8_t* json = line_end == data + size ? line_end : line_end + 1;
  millrace::Sample sample;
  sample.reset("fuzz.tar", 512);
  sample.set_key("key");
  sample.add_field("json", {json, data + size});
  try {
    const millrace::FieldSelector selector(text);
    millrace::FieldSelector::Scratch scratch;
    const auto first = selector.select(sample, scratch);
    if (!first) return 0;
    const std::vector<std::uint8_t> copy(first->begin(), first->end());
    // The same again, in buffers that have been used.
    const auto second = selector.select(sample, scratch);
    if (!second || !std::equal(copy.begin(), copy.end(), second->begin(), second->end())) {
      std::abort();
    }
  } catch (const std::invalid_argument&) {
    return 0;
  }
  return 0;
}
