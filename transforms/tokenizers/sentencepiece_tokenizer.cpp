#include "millrace/transforms/tokenizers/sentencepiece_tokenizer.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/transforms/text/canonical_text-inl.h"
#include "millrace/transforms/text/text_repair.h"
#include "millrace/transforms/text/tokenizers_unicode-inl.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/file_description-inl.h"
#include "millrace/transforms/tokenizers/sentencepiece_encoder-inl.h"
#include "millrace/transforms/tokenizers/sentencepiece_model-inl.h"

namespace millrace {

namespace {

constexpr std::string_view kLowLine = "\xE2\x96\x81";  // U+2581
constexpr std::string_view kUnknownText = "<unk>";
constexpr std::string_view kEndText = "</s>";

struct NamedKind {
  SentencePieceKind kind;
  std::string_view name;
};
constexpr std::array<NamedKind, 5> kKinds = {{{SentencePieceKind::plain, "plain"},
                                              {SentencePieceKind::t5, "t5"},
                                              {SentencePieceKind::siglip, "siglip"},
                                              {SentencePieceKind::siglip2, "siglip2"},
                                              {SentencePieceKind::open_clip, "open_clip"}}};

/// Lower case as the tokenizers package has it: each character by itself.
void lower_characters(std::string_view text, std::string& out) {
  const TokenizersUnicode& unicode = TokenizersUnicode::instance();
  out.clear();
  std::array<char, 4> utf8{};
  const auto append = [&](char32_t c) { out.append(utf8.data(), encode_utf8(c, utf8.data())); };
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    text.remove_prefix(c.bytes);
    if (c.value == kCapitalIWithDot) {
      append(U'i');
      append(kCombiningDotAbove);
    } else {
      append(unicode.lower(c.value));
    }
  }
}

/// What a thread keeps between texts.
struct PieceScratch {
  SentencePieceEncoder encoder;
  TextRepair repair;
  std::string valid;
  std::string text;
  std::string other_text;
  std::vector<std::int32_t> ids;
};

class PieceTokenizer final : public Tokenizer {
 public:
  PieceTokenizer(SentencePieceModel model, SentencePieceKind kind, std::int64_t pad_id,
                 std::string description, const TokenizerOptions& options)
      : Tokenizer(options),
        model_(std::move(model)),
        kind_(kind),
        pad_id_(pad_id),
        space_id_(model_.pieces.find(kLowLine)),
        description_(std::move(description)) {
    std::vector<std::int32_t> ids;
    SentencePieceEncoder().encode(model_, kUnknownText, ids);
    unknown_text_ids_ = ids.size();
    if (kind_ == SentencePieceKind::siglip2) std::swap(model_.user_defined, added_);
  }

  std::string describe() const override { return description_ + describe_options() + "}"; }

 private:
  std::size_t write_ids(std::string_view text, std::span<std::int64_t> ids) const override;
  std::int64_t own_pad_id() const override { return pad_id_; }

  void encode(std::string_view text, PieceScratch& scratch) const;
  void encode_siglip(std::string_view text, PieceScratch& scratch) const;
  void encode_siglip_part(std::string_view text, PieceScratch& scratch) const;
  void encode_siglip2(std::string_view text, PieceScratch& scratch) const;

  /// A piece that a text is parted at.
  struct Special {
    std::size_t bytes = 0;  ///< 0: there is none
    std::int32_t id = SentencePieceModel::kNoId;
  };
  Special special_at(std::string_view text) const;

  SentencePieceModel model_;
  PieceTrie added_;  ///< siglip2: the user-defined pieces, which the model then has not
  SentencePieceKind kind_;
  std::int64_t pad_id_;
  std::int32_t space_id_;
  std::size_t unknown_text_ids_ = 0;  ///< how many ids kUnknownText is encoded as
  std::string description_;
};

std::size_t PieceTokenizer::write_ids(std::string_view text, std::span<std::int64_t> ids) const {
  static thread_local PieceScratch scratch;
  scratch.ids.clear();
  encode(text, scratch);
  const bool has_end = kind_ != SentencePieceKind::plain;
  const std::size_t written = std::min(scratch.ids.size(), ids.size() - (has_end ? 1 : 0));
  const std::size_t first = sides().truncation == RowSide::right ? 0 : scratch.ids.size() - written;
  std::copy_n(scratch.ids.begin() + static_cast<std::ptrdiff_t>(first), written, ids.begin());
  constexpr std::size_t kKeptIds = std::size_t{1} << 16;
  if (scratch.ids.size() > kKeptIds) scratch = {};
  if (!has_end) return written;
  // SiglipTokenizer adds no second end token to ids that happen to end with one.
  if (kind_ == SentencePieceKind::siglip && written > 0 && ids[written - 1] == model_.end_id) {
    return written;
  }
  ids[written] = model_.end_id;
  return written + 1;
}

void PieceTokenizer::encode(std::string_view text, PieceScratch& scratch) const {
  switch (kind_) {
    case SentencePieceKind::plain:
    case SentencePieceKind::t5:
      scratch.encoder.encode(model_, valid_utf8(text, scratch.valid), scratch.ids);
      break;
    case SentencePieceKind::siglip:
      encode_siglip(valid_utf8(text, scratch.valid), scratch);
      break;
    case SentencePieceKind::siglip2:
      encode_siglip2(valid_utf8(text, scratch.valid), scratch);
      break;
    case SentencePieceKind::open_clip:
      if (!TextRepair::is_plain(text)) text = scratch.repair.clean(text);
      remove_punctuation(text, true, scratch.text);
      lower_text(scratch.text, scratch.other_text);
      collapse_spaces(scratch.other_text, scratch.text);
      scratch.encoder.encode(model_, scratch.text, scratch.ids);
      break;
  }
  scratch.encoder.trim();
}

/// As SiglipTokenizer.tokenize: after a mark of a word's beginning, and parted at the texts of
/// special tokens.
void PieceTokenizer::encode_siglip(std::string_view text, PieceScratch& scratch) const {
  std::string& marked = scratch.other_text;
  marked = kLowLine;
  while (!text.empty()) {
    const std::size_t mark = text.find(kLowLine);
    marked += text.substr(0, mark);
    if (mark == std::string_view::npos) break;
    marked += ' ';
    text.remove_prefix(mark + kLowLine.size());
  }
  // The parts are written over `valid`, which is read no more.
  const std::string_view whole = marked;
  std::size_t begin = 0;
  std::size_t end = whole.find(kEndText);
  std::size_t unknown = whole.find(kUnknownText);
  while (true) {
    const std::size_t special = std::min(end, unknown);
    encode_siglip_part(whole.substr(begin, special - begin), scratch);
    if (special == std::string_view::npos) return;
    if (begin == 0 && scratch.ids.size() == 1 && scratch.ids.front() == space_id_) {
      scratch.ids.clear();
    }
    scratch.ids.push_back(special == end ? model_.end_id : model_.unknown_id);
    begin = special + (special == end ? kEndText : kUnknownText).size();
    // Each is looked for again only once it is behind, so that no text is searched twice.
    if (end < begin) end = whole.find(kEndText, begin);
    if (unknown < begin) unknown = whole.find(kUnknownText, begin);
  }
}

/// As SiglipTokenizer._tokenize: behind the text of the unknown token, whose ids are then left out.
void PieceTokenizer::encode_siglip_part(std::string_view text, PieceScratch& scratch) const {
  if (text.empty()) return;
  lower_text(text, scratch.text);
  remove_punctuation(scratch.text, false, scratch.valid);
  collapse_spaces(scratch.valid, scratch.text);
  scratch.text.insert(0, kUnknownText);
  const std::size_t before = scratch.ids.size();
  scratch.encoder.encode(model_, scratch.text, scratch.ids);
  const auto begin = scratch.ids.begin() + static_cast<std::ptrdiff_t>(before);
  const std::size_t count = scratch.ids.size() - before;
  if (count >= unknown_text_ids_) {
    scratch.ids.erase(begin, begin + static_cast<std::ptrdiff_t>(unknown_text_ids_));
  }
}

/// As the tokenizers package: special tokens are looked for in the text as it comes, and each part
/// between them is lowered and encoded by itself.
void PieceTokenizer::encode_siglip2(std::string_view text, PieceScratch& scratch) const {
  while (!text.empty()) {
    Special special;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
      special = special_at(text.substr(at));
      if (special.bytes > 0) break;
    }
    lower_characters(text.substr(0, at), scratch.text);
    scratch.encoder.encode(model_, scratch.text, scratch.ids);
    if (special.bytes > 0) scratch.ids.push_back(special.id);
    text.remove_prefix(at + special.bytes);
  }
}

/// The longest one at the front of `text`.
PieceTokenizer::Special PieceTokenizer::special_at(std::string_view text) const {
  Special longest;
  for (const PieceTrie* pieces : {&model_.reserved, &added_}) {
    PieceTrie::Node node = PieceTrie::kRoot;
    for (std::size_t bytes = 1; bytes <= text.size(); ++bytes) {
      node = pieces->child(node, text[bytes - 1]);
      if (node == PieceTrie::kNoNode) break;
      const std::int32_t id = pieces->value(node);
      if (id == PieceTrie::kNoValue || bytes <= longest.bytes) continue;
      const auto type = model_.types[static_cast<std::size_t>(id)];
      if (type != SentencePieceModel::PieceType::byte) longest = {bytes, id};
    }
  }
  return longest;
}

/// Whether transformers' conversion for Gemma says the same as the model.
bool is_as_gemma(const SentencePieceModel& model) {
  return model.kind == SentencePieceModel::Kind::bpe && model.has_byte_fallback &&
         !model.adds_dummy_prefix && !model.removes_extra_spaces && model.escapes_spaces &&
         model.characters.empty() && !model.has_unused;
}

SentencePieceModel read_named_model(std::string_view content, const SentencePieceOptions& file) {
  if (content.size() > file.max_bytes) {
    throw std::invalid_argument(file.name + ": " + std::to_string(content.size()) +
                                " bytes, and at most " + std::to_string(file.max_bytes) +
                                " are allowed");
  }
  try {
    return read_sentencepiece_model(content);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(file.name + ": " + error.what());
  }
}

}  // namespace

std::string_view sentencepiece_kind_name(SentencePieceKind kind) {
  for (const NamedKind& named : kKinds) {
    if (named.kind == kind) return named.name;
  }
  return "";
}

std::optional<SentencePieceKind> sentencepiece_kind(std::string_view name) {
  for (const NamedKind& named : kKinds) {
    if (named.name == name) return named.kind;
  }
  return std::nullopt;
}

std::shared_ptr<const Tokenizer> sentencepiece_tokenizer(std::string_view content,
                                                         const SentencePieceOptions& file,
                                                         const TokenizerOptions& options) {
  options.validate();
  SentencePieceModel model = read_named_model(content, file);
  const bool is_siglip = file.kind == SentencePieceKind::siglip;
  if (file.kind != SentencePieceKind::plain && model.end_id == SentencePieceModel::kNoId) {
    throw std::invalid_argument(file.name + ": the model has no end token, which kind = " +
                                std::string(sentencepiece_kind_name(file.kind)) + " needs");
  }
  if (is_siglip && (model.reserved.find(kEndText) != model.end_id ||
                    model.reserved.find(kUnknownText) != model.unknown_id)) {
    throw std::invalid_argument(file.name +
                                ": kind = siglip needs a model whose end token is </s> and whose "
                                "unknown token is <unk>");
  }
  if (file.kind == SentencePieceKind::siglip2 && !is_as_gemma(model)) {
    throw std::invalid_argument(file.name +
                                ": kind = siglip2 needs a model as Gemma's: BPE with byte fallback "
                                "that keeps spaces and characters as they are");
  }
  const bool pads_with_end = is_siglip || file.kind == SentencePieceKind::open_clip;
  const std::int32_t pad_id = pads_with_end ? model.end_id : model.pad_id;
  if (pad_id == SentencePieceModel::kNoId && !options.pad_id) {
    throw std::invalid_argument(file.name +
                                ": the model does not say what it pads with: give pad_id");
  }
  std::string description = describe_file("sentencepiece", file.name, content);
  description += R"(,"kind":")" + std::string(sentencepiece_kind_name(file.kind)) + "\"";
  return std::make_shared<const PieceTokenizer>(std::move(model), file.kind, pad_id,
                                                std::move(description), options);
}

}  // namespace millrace
