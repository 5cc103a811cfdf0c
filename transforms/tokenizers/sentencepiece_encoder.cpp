#include "millrace/transforms/tokenizers/sentencepiece_encoder-inl.h"

#include <algorithm>
#include <utility>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

constexpr std::string_view kSpaceLetter = "\xE2\x96\x81";  // U+2581
constexpr std::uint32_t kNoNeighbour = 0xFFFFFFFF;
constexpr std::size_t kTrimBytes = std::size_t{1} << 16;

/// How many bytes a character has by its first one, whatever follows.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  const std::size_t bytes = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(bytes, text.size());
}

/// What lets a user-defined piece be chosen wherever it is, the longest of several.
float user_defined_score(std::size_t bytes) { return static_cast<float>(bytes - 1) * 0.1F; }

}  // namespace

void SentencePieceEncoder::encode(const SentencePieceModel& model, std::string_view text,
                                  std::vector<std::int32_t>& ids) {
  normalize(model, text);
  if (normalized_.empty()) return;
  Writer writer{ids};
  if (model.kind == SentencePieceModel::Kind::unigram) {
    encode_unigram(model, writer);
  } else {
    encode_bpe(model, writer);
  }
}

void SentencePieceEncoder::trim() {
  if (normalized_.size() <= kTrimBytes) return;
  normalized_ = {};
  best_ = {};
  path_ = {};
  symbols_ = {};
  merges_ = {};
}

void SentencePieceEncoder::append_spaced(const SentencePieceModel& model, std::string_view text) {
  for (const char c : text) {
    if (c == ' ' && model.escapes_spaces) {
      normalized_ += kSpaceLetter;
    } else {
      normalized_ += c;
    }
  }
}

void SentencePieceEncoder::normalize(const SentencePieceModel& model, std::string_view text) {
  struct Prefix {
    std::size_t bytes;
    std::string_view replacement;
  };
  const auto prefix_of = [&model](std::string_view left) -> Prefix {
    if (!model.user_defined.empty()) {
      const std::size_t bytes = model.user_defined.longest_prefix(left);
      if (bytes > 0) return {bytes, left.substr(0, bytes)};
    }
    const CharacterMap::Match match = model.characters.longest(left);
    if (match.bytes > 0) return {match.bytes, match.replacement};
    const std::size_t bytes = decode_first(left).bytes;
    return {bytes, left.substr(0, bytes)};
  };

  normalized_.clear();
  const bool removes = model.removes_extra_spaces;
  while (removes && !text.empty()) {
    const Prefix prefix = prefix_of(text);
    if (prefix.replacement != " ") break;
    text.remove_prefix(prefix.bytes);
  }
  if (text.empty()) return;
  if (model.adds_dummy_prefix && !model.has_space_as_suffix) append_spaced(model, " ");
  bool is_after_space = removes;
  while (!text.empty()) {
    const Prefix prefix = prefix_of(text);
    std::string_view piece = prefix.replacement;
    while (is_after_space && !piece.empty() && piece.front() == ' ') piece.remove_prefix(1);
    if (!piece.empty()) {
      append_spaced(model, piece);
      is_after_space = removes && piece.back() == ' ';
    }
    text.remove_prefix(prefix.bytes);
  }
  const std::string_view space = model.escapes_spaces ? kSpaceLetter : std::string_view(" ");
  while (removes && normalized_.size() >= space.size() &&
         std::string_view(normalized_).substr(normalized_.size() - space.size()) == space) {
    normalized_.resize(normalized_.size() - space.size());
  }
  if (model.adds_dummy_prefix && model.has_space_as_suffix) append_spaced(model, " ");
}

/// The best sum of scores (Kudo 2018), with the roundings of sentencepiece 0.2, which decide
/// between ways that are equally good: 0.1 compares a sum in double precision with a rounded one.
void SentencePieceEncoder::encode_unigram(const SentencePieceModel& model, Writer& writer) {
  constexpr float kUnknownPenalty = 10.0F;
  const float unknown_score = model.min_score - kUnknownPenalty;
  const std::string_view text = normalized_;
  best_.assign(text.size() + 1, Best{0, SentencePieceModel::kNoId, kNowhere});
  const auto offer = [this](std::size_t end, std::size_t begin, std::int32_t id, float score) {
    Best& best = best_[end];
    const float total = score + best_[begin].score;
    if (best.begin != kNowhere && !(total > best.score)) return;
    best = {total, id, static_cast<std::uint32_t>(begin)};
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t character = character_bytes(text.substr(begin));
    bool has_character = false;
    PieceTrie::Node node = PieceTrie::kRoot;
    for (std::size_t end = begin + 1; end <= text.size(); ++end) {
      node = model.pieces.child(node, text[end - 1]);
      if (node == PieceTrie::kNoNode) break;
      const std::int32_t id = model.pieces.value(node);
      if (id == PieceTrie::kNoValue) continue;
      const auto type = model.types[static_cast<std::size_t>(id)];
      if (type == SentencePieceModel::PieceType::unused) continue;
      const bool is_user_defined = type == SentencePieceModel::PieceType::user_defined;
      offer(end, begin, id,
            is_user_defined ? user_defined_score(end - begin)
                            : model.scores[static_cast<std::size_t>(id)]);
      if (end - begin == character) has_character = true;
    }
    if (!has_character) {
      offer(begin + character, begin, model.unknown_id, unknown_score);
    }
    begin += character;
  }
  path_.clear();
  for (auto end = static_cast<std::uint32_t>(text.size()); end > 0; end = best_[end].begin) {
    path_.push_back(end);
  }
  std::reverse(path_.begin(), path_.end());
  for (const std::uint32_t end : path_) {
    const Best& best = best_[end];
    write_piece(model, text.substr(best.begin, end - best.begin), best.id, writer);
  }
}

void SentencePieceEncoder::propose_merge(const SentencePieceModel& model, std::uint32_t left,
                                         std::uint32_t right) {
  if (left == kNoNeighbour || right == kNoNeighbour) return;
  const Symbol& first = symbols_[left];
  const Symbol& second = symbols_[right];
  if (first.is_frozen || second.is_frozen || first.node == PieceTrie::kNoNode) return;
  const std::string_view text = normalized_;
  const PieceTrie::Node node =
      model.pieces.walk(first.node, text.substr(second.begin, second.bytes));
  if (node == PieceTrie::kNoNode) return;
  const std::int32_t id = model.pieces.value(node);
  if (id == PieceTrie::kNoValue) return;
  const auto index = static_cast<std::size_t>(id);
  merges_.push_back({model.scores[index], left, right, first.bytes + second.bytes, node});
  if (model.types[index] == SentencePieceModel::PieceType::unused) {
    unused_left_bytes_[index] = first.bytes;
  }
}

/// The best-scored pair is merged first, of equals the leftmost (Sennrich 2016).
void SentencePieceEncoder::encode_bpe(const SentencePieceModel& model, Writer& writer) {
  const auto is_later = [](const Merge& a, const Merge& b) {
    return a.score < b.score || (a.score == b.score && a.left > b.left);
  };
  if (model.has_unused) {
    unused_left_bytes_.resize(std::max(unused_left_bytes_.size(), model.types.size()));
  }
  const std::string_view text = normalized_;
  symbols_.clear();
  merges_.clear();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::string_view left = text.substr(begin);
    const std::size_t frozen = model.user_defined.longest_prefix(left);
    const std::size_t bytes = frozen > 0 ? frozen : character_bytes(left);
    const auto index = static_cast<std::uint32_t>(symbols_.size());
    const bool is_last = begin + bytes == text.size();
    symbols_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(bytes),
                        index == 0 ? kNoNeighbour : index - 1, is_last ? kNoNeighbour : index + 1,
                        model.pieces.walk(PieceTrie::kRoot, left.substr(0, bytes)), frozen > 0});
    begin += bytes;
  }
  for (std::uint32_t i = 1; i < symbols_.size(); ++i) propose_merge(model, i - 1, i);
  std::make_heap(merges_.begin(), merges_.end(), is_later);
  while (!merges_.empty()) {
    std::pop_heap(merges_.begin(), merges_.end(), is_later);
    const Merge merge = merges_.back();
    merges_.pop_back();
    Symbol& left = symbols_[merge.left];
    Symbol& right = symbols_[merge.right];
    if (left.bytes == 0 || right.bytes == 0 || left.bytes + right.bytes != merge.bytes) continue;
    left.bytes = merge.bytes;
    left.node = merge.node;
    left.next = right.next;
    right.bytes = 0;
    if (left.next != kNoNeighbour) symbols_[left.next].previous = merge.left;
    for (const auto& [first, second] :
         {std::pair{left.previous, merge.left}, std::pair{merge.left, left.next}}) {
      const std::size_t before = merges_.size();
      propose_merge(model, first, second);
      if (merges_.size() > before) std::push_heap(merges_.begin(), merges_.end(), is_later);
    }
  }
  for (std::uint32_t i = 0; i != kNoNeighbour; i = symbols_[i].next) {
    write_symbol(model, text.substr(symbols_[i].begin, symbols_[i].bytes), writer);
  }
}

/// An unused piece is parted again as it was merged; an unused character is unknown.
void SentencePieceEncoder::write_symbol(const SentencePieceModel& model, std::string_view piece,
                                        Writer& writer) const {
  std::int32_t id = model.reserved.find(piece);
  if (id == PieceTrie::kNoValue) id = model.pieces.find(piece);
  if (id == PieceTrie::kNoValue) id = model.unknown_id;
  const auto index = static_cast<std::size_t>(id);
  if (model.types[index] == SentencePieceModel::PieceType::unused) {
    if (piece.size() == character_bytes(piece)) {
      write_piece(model, piece, model.unknown_id, writer);
      return;
    }
    const std::size_t left = unused_left_bytes_[index];
    write_symbol(model, piece.substr(0, left), writer);
    write_symbol(model, piece.substr(left), writer);
    return;
  }
  write_piece(model, piece, id, writer);
}

/// A run of unknown pieces is one id, unless they are written as bytes.
void SentencePieceEncoder::write_piece(const SentencePieceModel& model, std::string_view piece,
                                       std::int32_t id, Writer& writer) {
  const bool is_unknown = id == model.unknown_id;
  if (is_unknown && model.has_byte_fallback) {
    for (const char byte : piece)
      writer.ids.push_back(model.byte_ids[static_cast<std::uint8_t>(byte)]);
  } else if (!is_unknown || !writer.is_after_unknown) {
    writer.ids.push_back(id);
  }
  writer.is_after_unknown = is_unknown;
}

}  // namespace millrace
