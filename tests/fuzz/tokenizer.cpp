// The first byte chooses the context length, the rest is the text: any bytes must give the ids of
// the step-by-step encoding, seen for the first time or again.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "millrace/transforms/text/text_repair.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/clip_tokenizer.h"
#include "require.h"
#include "transforms/slow_clip_tokenizer.h"

namespace {

using millrace::fuzz::require;

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::ClipTokenizer;
  if (size == 0) return 0;
  const int context_length = 1 + data[0] % 128;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  std::vector<std::int64_t> ids(static_cast<std::size_t>(context_length), -1);
  const ClipTokenizer tokenizer(context_length);
  tokenizer.encode(text, ids);
  require(std::all_of(ids.begin(), ids.end(),
                      [](std::int64_t id) { return id >= 0 && id <= ClipTokenizer::kEndId; }));
  require(std::find(ids.begin(), ids.end(), ClipTokenizer::kEndId) != ids.end());
  require(context_length == 1 || ids.front() == ClipTokenizer::kStartId);
  require(ids == millrace::test::slow_clip_ids(text, context_length));

  std::vector<std::int64_t> again(ids.size(), -1);
  tokenizer.encode(text, again);
  require(ids == again);
  static millrace::TextRepair repair;
  if (millrace::is_blank(repair.clean(text)))
    require(context_length < 3 || ids[1] == ClipTokenizer::kEndId);
  return 0;
}
