#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "millrace/transforms/tokenizers/tokenizer.h"

namespace millrace {

/// How a tokenizer.json is read.
struct TokenizerFileOptions {
  std::string name;                ///< how describe() and errors call the file
  bool add_special_tokens = true;  ///< begin and end tokens, as the file's post-processor has them
  std::size_t max_bytes = std::size_t{128} << 20;  ///< a larger file is refused
};

/// Hugging Face's tokenizer.json of a byte-level BPE (GPT-2, Llama 3, Qwen, CLIP, ...), with the
/// ids of the `tokenizers` package. `content` is the whole file and need not outlive the call.
///
/// Read are: the BPE model without dropout, unknown tokens and byte fallback; the normalizers NFC,
/// Lowercase and Replace of `\s+`, or none; the pre-tokenizers ByteLevel and Split with the
/// patterns of GPT-2, Llama 3, Qwen 2 and CLIP; added tokens; the post-processors ByteLevel,
/// TemplateProcessing, RobertaProcessing and BertProcessing; of truncation the direction, of
/// padding the direction and the id, which hold where options do not say. The file's lengths are
/// replaced by options.context_length. Whatever else a file asks for is refused by its name. It
/// must say what it pads with, or options must.
///
/// Throws std::invalid_argument that names the file: it is no such JSON or asks for what is not
/// read; or an option is wrong.
std::shared_ptr<const Tokenizer> tokenizer_from_file(std::string_view content,
                                                     const TokenizerFileOptions& file,
                                                     const TokenizerOptions& options);

/// Hugging Face's CLIPTokenizer of OpenAI's checkpoints: the vocabulary of ClipTokenizer, but NFC
/// and neither ftfy nor HTML unescaping, and padding with the end token.
std::shared_ptr<const Tokenizer> hugging_face_clip_tokenizer(const TokenizerOptions& options);

}  // namespace millrace
