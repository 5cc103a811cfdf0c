#include "millrace/transforms/tokenizers/clip_vocabulary-inl.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/byte_letters-inl.h"

// The file is part of the library, so that no path is looked up at run time. The build gives its
// path, and compiles this file again when it changes.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".hidden millrace_clip_vocabulary_begin\n"
    ".globl millrace_clip_vocabulary_begin\n"
    "millrace_clip_vocabulary_begin:\n"
    ".incbin \"" MILLRACE_CLIP_VOCABULARY_FILE
    "\"\n"
    ".hidden millrace_clip_vocabulary_end\n"
    ".globl millrace_clip_vocabulary_end\n"
    "millrace_clip_vocabulary_end:\n"
    ".byte 0\n"
    ".popsection\n");

// The assembler's labels: they go by its rules, not by ours.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
extern const std::uint8_t millrace_clip_vocabulary_begin[];
extern const std::uint8_t millrace_clip_vocabulary_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace millrace {

namespace {

constexpr std::string_view kWordEnd = "</w>";

[[noreturn]] void damaged() {
  throw std::logic_error("the CLIP vocabulary inside the library is damaged");
}

/// The first lines of the embedded gzip file, which holds five times as many merges as CLIP uses.
std::string inflate_lines(std::size_t lines) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  // zlib's interface is older than const; it does not write through next_in.
  stream.next_in = const_cast<Bytef*>(millrace_clip_vocabulary_begin);
  stream.avail_in =
      static_cast<uInt>(millrace_clip_vocabulary_end - millrace_clip_vocabulary_begin);
  constexpr std::size_t kChunkBytes = std::size_t{1} << 16;
  std::string text;
  int status = Z_OK;
  for (std::size_t found = 0; found < lines && status == Z_OK;) {
    const std::size_t begin = text.size();
    text.resize(begin + kChunkBytes);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + begin);
    stream.avail_out = kChunkBytes;
    status = inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
    found += static_cast<std::size_t>(
        std::count(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '\n'));
  }
  inflateEnd(&stream);
  return text;
}

/// Token text -> id while the merges are read. The texts are views that outlive it.
class TokenTexts {
 public:
  TokenTexts() : slots_(kSlots) {}

  void add(std::string_view text, TokenId id) { *find_slot(text) = {text, id}; }
  TokenId id(std::string_view text) {
    const Slot* slot = find_slot(text);
    return slot->text.empty() ? ClipVocabulary::kNone : slot->id;
  }

 private:
  struct Slot {
    std::string_view text;
    TokenId id = ClipVocabulary::kNone;
  };
  static constexpr unsigned kSlotBits = 17;
  static constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;

  static std::size_t first_slot(std::string_view text) {
    std::uint64_t hash = text.size();
    for (std::size_t i = 0; i < text.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, std::min<std::size_t>(8, text.size() - i));
      hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15U) >> (64 - kSlotBits));
  }
  Slot* find_slot(std::string_view text) {
    std::size_t slot = first_slot(text);
    while (!slots_[slot].text.empty() && slots_[slot].text != text)
      slot = (slot + 1) & (kSlots - 1);
    return &slots_[slot];
  }

  std::vector<Slot> slots_;
};

}  // namespace

const ClipVocabulary& ClipVocabulary::instance() {
  // Never destroyed: threads may still encode while the process ends.
  static const auto* const vocabulary = new ClipVocabulary();
  return *vocabulary;
}

ClipVocabulary::ClipVocabulary() : pairs_(kSlots, Pair{kEmptyKey, kNone}) {
  TokenTexts texts;
  // Every token's text one after another. Reserved, so that views into it stay valid.
  std::string arena;
  constexpr std::size_t kArenaBytes = std::size_t{1} << 20;
  arena.reserve(kArenaBytes);
  const auto add = [&](std::string_view left, std::string_view right, std::size_t id) {
    const std::size_t begin = arena.size();
    if (left.size() + right.size() > kArenaBytes - begin) damaged();
    arena.append(left).append(right);
    texts.add(std::string_view(arena).substr(begin), static_cast<TokenId>(id));
  };

  std::size_t next_id = 0;
  for (const auto& [byte, letter] : byte_letters()) {
    std::array<char, 4> utf8{};
    const std::string_view text(utf8.data(), encode_utf8(letter, utf8.data()));
    byte_ids_[byte] = static_cast<TokenId>(next_id);
    add(text, "", next_id);
    add(text, kWordEnd, next_id + 256);
    ++next_id;
  }

  const std::string lines = inflate_lines(1 + kMergeCount);
  std::string_view left_over = lines;
  const auto next_line = [&] {
    const std::size_t length = left_over.find('\n');
    if (length == std::string_view::npos) damaged();
    const std::string_view line = left_over.substr(0, length);
    left_over.remove_prefix(length + 1);
    return line;
  };
  next_line();  // the file's version
  std::vector<std::uint8_t> token_bytes(kFirstMergeId + kMergeCount, 1);
  for (std::size_t id = kFirstMergeId; id < kFirstMergeId + kMergeCount; ++id) {
    const std::string_view line = next_line();
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) damaged();
    // Both parts are tokens already, so a merge never ranks before what it is made of.
    const TokenId left = texts.id(line.substr(0, space));
    const TokenId right = texts.id(line.substr(space + 1));
    if (left == kNone || right == kNone) damaged();
    token_bytes[id] = static_cast<std::uint8_t>(token_bytes[left] + token_bytes[right]);
    if (token_bytes[id] > kLongestToken) damaged();
    add(line.substr(0, space), line.substr(space + 1), id);
    const std::uint32_t key = pair_key(left, right);
    std::size_t slot = first_slot(key);
    while (pairs_[slot].key != kEmptyKey) slot = (slot + 1) & (kSlots - 1);
    pairs_[slot] = {key, static_cast<TokenId>(id)};
    merges_.push_back({left, right});
  }
}

}  // namespace millrace
