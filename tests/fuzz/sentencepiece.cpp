// Two bytes say how long the model file is that follows, the rest is a text: the file is refused,
// or every text gets ids.

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "millrace/transforms/tokenizers/sentencepiece_tokenizer.h"
#include "require.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::SentencePieceKind;
  using millrace::fuzz::require;
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view model = all.substr(0, data[0] | data[1] << 8U);
  const std::string_view text = all.substr(model.size());
  constexpr std::array kKinds = {SentencePieceKind::plain, SentencePieceKind::t5,
                                 SentencePieceKind::siglip, SentencePieceKind::open_clip};
  for (const SentencePieceKind kind : kKinds) {
    try {
      millrace::SentencePieceOptions file;
      file.name = "fuzz.model";
      file.kind = kind;
      millrace::TokenizerOptions options;
      options.context_length = 16;
      options.pad_id = 1;
      const auto tokenizer = millrace::sentencepiece_tokenizer(model, file, options);
      std::vector<std::int64_t> ids(16, -1);
      std::vector<std::int64_t> again(16, -1);
      const std::size_t count = tokenizer->encode(text, ids);
      require(count <= ids.size() && tokenizer->encode(text, again) == count && ids == again);
      for (const std::int64_t id : ids) require(id >= 0);
    } catch (const std::invalid_argument&) {
    }
  }
  return 0;
}
