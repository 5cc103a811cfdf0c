#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "millrace/transforms/tokenizers/tokenizer.h"
#include "require.h"

namespace millrace::fuzz {

inline TokenizerOptions short_context() {
  TokenizerOptions options;
  options.context_length = 16;
  options.pad_id = 1;
  return options;
}

/// Every text gets ids, the same ones each time.
inline void require_ids(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int64_t> ids(16, -1);
  std::vector<std::int64_t> again(16, -1);
  const std::size_t count = tokenizer.encode(text, ids);
  require(count <= ids.size() && tokenizer.encode(text, again) == count && ids == again);
  for (const std::int64_t id : ids) require(id >= 0);
}

}  // namespace millrace::fuzz
