#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/transforms/tokenizers/tokenizer.h"

namespace millrace {

/// Whose conventions are followed with a SentencePiece model.
enum class SentencePieceKind : std::uint8_t {
  plain,    ///< the ids of sentencepiece's encode(); padded as the model does
  t5,       ///< the same and the end token; padded as the model does
  siglip,   ///< transformers' SiglipTokenizer: lower case, no punctuation, padded with the end
  siglip2,  ///< transformers' Siglip2Tokenizer, of Gemma's model: lower case, then as t5; the texts
            ///< of special and user-defined pieces are these pieces, in the case they are written
  open_clip,  ///< open_clip's clean-up of SigLIP's texts: ftfy, HTML unescaping, no punctuation,
              ///< lower case, white space collapsed; then as t5, padded with the end token
};
/// "plain", "t5", "siglip", "siglip2", "open_clip".
std::string_view sentencepiece_kind_name(SentencePieceKind kind);
/// The other way round; nothing for another name.
std::optional<SentencePieceKind> sentencepiece_kind(std::string_view name);

/// How a SentencePiece model file is read.
struct SentencePieceOptions {
  static constexpr int kContextLength = 64;  ///< SigLIP's: what options that do not say it mean

  std::string name;  ///< how describe() and errors call the file
  SentencePieceKind kind = SentencePieceKind::plain;
  std::size_t max_bytes = std::size_t{64} << 20;  ///< a larger file is refused
};

/// A SentencePiece model (`.model`, `.spm`) with the ids of the sentencepiece package 0.2.3:
/// unigram (T5, SigLIP, mT5) or BPE, with or without byte fallback. `content` is the whole file and
/// need not outlive the call. Memory is that of the file a few times over. Of a text that is too
/// long, the end token stays.
///
/// Throws std::invalid_argument that names the file: it is damaged or too large, its model is of
/// another type, it has not the end or padding token that `kind` needs (options.pad_id takes the
/// place of the latter), siglip2 with a model that is not as Gemma's, or an option is wrong.
std::shared_ptr<const Tokenizer> sentencepiece_tokenizer(std::string_view content,
                                                         const SentencePieceOptions& file,
                                                         const TokenizerOptions& options);

}  // namespace millrace
