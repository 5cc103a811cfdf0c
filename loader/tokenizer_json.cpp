#include "millrace/loader/tokenizer_json-inl.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "millrace/transforms/tokenizers/clip_tokenizer.h"
#include "millrace/transforms/tokenizers/sentencepiece_tokenizer.h"
#include "millrace/transforms/tokenizers/tokenizer_file.h"

namespace millrace {

namespace {

std::optional<RowSide> read_side(const JsonObject& from, const std::string& key) {
  if (!from.has(key)) return std::nullopt;
  const std::string name = from.text(key);
  for (const RowSide side : {RowSide::right, RowSide::left}) {
    if (name == row_side_name(side)) return side;
  }
  from.wrong(key, R"("right" or "left")");
}

TokenizerOptions read_options(const JsonObject& from,
                              int context_length = TokenizerOptions{}.context_length) {
  TokenizerOptions options;
  options.context_length = from.small_int("context_length", context_length);
  if (from.has("pad_id")) options.pad_id = from.small_int("pad_id");
  options.truncation = read_side(from, "truncation");
  options.padding = read_side(from, "padding");
  return options;
}

ClipClean read_clean(const JsonObject& from) {
  if (!from.has("clean")) return ClipClean::lower;
  const std::string name = from.text("clean");
  for (const ClipClean clean : {ClipClean::lower, ClipClean::whitespace, ClipClean::canonicalize}) {
    if (name == clip_clean_name(clean)) return clean;
  }
  from.wrong("clean", R"("lower", "whitespace" or "canonicalize")");
}

/// The whole of a file of at most `max_bytes`.
std::string read_content(const std::string& name, std::size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(name, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw std::invalid_argument("tokenizer: " + name + " is no file");
  }
  std::ifstream stream(name, std::ios::binary | std::ios::ate);
  const auto size = stream ? static_cast<std::streamoff>(stream.tellg()) : std::streamoff{-1};
  if (size < 0) throw std::invalid_argument("tokenizer: cannot read " + name);
  if (static_cast<std::uint64_t>(size) > max_bytes) {
    throw std::invalid_argument("tokenizer: " + name + " has " + std::to_string(size) +
                                " bytes, and at most " + std::to_string(max_bytes) +
                                " are allowed");
  }
  std::string content(static_cast<std::size_t>(size), '\0');
  stream.seekg(0);
  if (!stream.read(content.data(), size)) {
    throw std::invalid_argument("tokenizer: cannot read " + name);
  }
  return content;
}

/// A description holds the content to what it was.
void check_content(const JsonObject& from, const std::string& name, const Tokenizer& tokenizer) {
  if (!from.has("content")) return;
  const std::string wanted = R"("content":")" + from.text("content") + "\"";
  if (tokenizer.describe().find(wanted) == std::string::npos) {
    throw std::invalid_argument("tokenizer: " + name + " is another file than it was");
  }
}

std::shared_ptr<const Tokenizer> read_file_tokenizer(const JsonObject& from) {
  from.allow_only({"type", "file", "content", "add_special_tokens", "context_length", "pad_id",
                   "truncation", "padding"});
  TokenizerFileOptions file;
  file.name = from.text("file");
  from.read("add_special_tokens", file.add_special_tokens);
  auto tokenizer =
      tokenizer_from_file(read_content(file.name, file.max_bytes), file, read_options(from));
  check_content(from, file.name, *tokenizer);
  return tokenizer;
}

std::shared_ptr<const Tokenizer> read_sentencepiece_tokenizer(const JsonObject& from) {
  from.allow_only(
      {"type", "file", "content", "kind", "context_length", "pad_id", "truncation", "padding"});
  SentencePieceOptions file;
  file.name = from.text("file");
  if (from.has("kind")) {
    const auto kind = sentencepiece_kind(from.text("kind"));
    if (!kind) from.wrong("kind", R"("plain", "t5", "siglip", "siglip2" or "open_clip")");
    file.kind = *kind;
  }
  auto tokenizer =
      sentencepiece_tokenizer(read_content(file.name, file.max_bytes), file,
                              read_options(from, SentencePieceOptions::kContextLength));
  check_content(from, file.name, *tokenizer);
  return tokenizer;
}

}  // namespace

std::shared_ptr<const Tokenizer> read_tokenizer(const JsonObject& from) {
  const std::string type = from.text("type");
  if (type == "clip") {
    from.allow_only({"type", "context_length", "pad_id", "truncation", "padding", "clean"});
    return std::make_shared<const ClipTokenizer>(read_options(from), read_clean(from));
  }
  if (type == "hf_clip") {
    from.allow_only({"type", "context_length", "pad_id", "truncation", "padding"});
    return hugging_face_clip_tokenizer(read_options(from));
  }
  if (type == "file") return read_file_tokenizer(from);
  if (type == "sentencepiece") return read_sentencepiece_tokenizer(from);
  from.wrong("type", R"("clip", "hf_clip", "file" or "sentencepiece")");
}

}  // namespace millrace
