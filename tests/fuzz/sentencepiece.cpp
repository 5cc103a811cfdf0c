// Two bytes say how long the model file is that follows, the rest is a text: the file is refused,
// or every text gets ids.

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "millrace/transforms/tokenizers/sentencepiece_tokenizer.h"
#include "token_ids.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::SentencePieceKind;
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view model = all.substr(0, data[0] | data[1] << 8U);
  const std::string_view text = all.substr(model.size());
  constexpr std::array kKinds = {SentencePieceKind::plain, SentencePieceKind::t5,
                                 SentencePieceKind::siglip, SentencePieceKind::siglip2,
                                 SentencePieceKind::open_clip};
  for (const SentencePieceKind kind : kKinds) {
    try {
      millrace::SentencePieceOptions file;
      file.name = "fuzz.model";
      file.kind = kind;
      const auto options = millrace::fuzz::short_context();
      millrace::fuzz::require_ids(*millrace::sentencepiece_tokenizer(model, file, options), text);
    } catch (const std::invalid_argument&) {
    }
  }
  return 0;
}
