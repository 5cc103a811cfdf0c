#include "millrace/transforms/text/mojibake-inl.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "millrace/transforms/text/mojibake_bytes-inl.h"
#include "millrace/transforms/text/mojibake_tables-inl.h"

namespace millrace {

namespace {

// ftfy tries the encodings in this order.
enum Encoding : std::uint8_t {
  latin_1,
  windows_1252,
  windows_1251,
  windows_1250,
  windows_1253,
  windows_1254,
  windows_1257,
  iso_8859_2,
  macroman,
  cp437,
  encoding_count
};
constexpr std::uint16_t kAllEncodings = (1U << encoding_count) - 1;
// The sloppy ones read a byte that has no meaning in them as Latin-1, and keep 0x1A for U+FFFD.
constexpr std::uint16_t kSloppyEncodings = ((1U << iso_8859_2) - 1) & ~1U;
constexpr std::uint8_t kLostByte = 0x1A;

bool is_sloppy(unsigned encoding) { return (kSloppyEncodings >> encoding & 1U) != 0; }

bool is_c1(char32_t c) { return c >= 0x80 && c <= 0x9F; }

}  // namespace

const MojibakeTraits& MojibakeTraits::instance() {
  // Never destroyed: threads may still encode while the process ends.
  static const auto* const traits = new MojibakeTraits();
  return *traits;
}

MojibakeTraits::MojibakeTraits() {
  std::vector<std::uint16_t> flat(CodePointTable<std::uint16_t>::kCodePoints, kUsualBadnessAtom);
  for (const BadnessAtom& run : kBadnessAtoms) {
    std::fill(flat.begin() + run.first, flat.begin() + run.last + 1, run.atom);
  }
  const auto add = [&flat](std::span<const CodePointRange> ranges, std::uint16_t bit) {
    for (const auto& [first, last] : ranges) {
      for (char32_t c = first; c <= last; ++c) flat[c] |= bit;
    }
  };
  add(kFirst2Ranges, kFirst2);
  add(kFirst3Ranges, kFirst3);
  add(kFirst4Ranges, kFirst4);
  add(kContinuationRanges, kContinuation);
  add(kStrictContinuationRanges, kStrictContinuation);
  traits_ = CodePointTable<std::uint16_t>(flat);

  std::map<char32_t, Bytes> found;
  const auto add_byte = [&found](char32_t c, unsigned encoding, unsigned byte) {
    Bytes& bytes = found.try_emplace(c, Bytes{c, 0, {}}).first->second;
    bytes.encodings = static_cast<std::uint16_t>(bytes.encodings | 1U << encoding);
    bytes.bytes[encoding] = static_cast<std::uint8_t>(byte);
  };
  for (unsigned byte = 0x80; byte <= 0xFF; ++byte) {
    add_byte(byte, latin_1, byte);
    for (unsigned encoding = windows_1252; encoding < encoding_count; ++encoding) {
      add_byte(kCharmaps[encoding - windows_1252][byte - 0x80], encoding, byte);
    }
  }
  for (unsigned encoding = latin_1; encoding < encoding_count; ++encoding) {
    if (is_sloppy(encoding)) add_byte(kReplacement, encoding, kLostByte);
  }
  for (const auto& [c, bytes] : found) bytes_.push_back(bytes);
}

const MojibakeTraits::Bytes* MojibakeTraits::find_bytes(char32_t c) const {
  const auto found = std::lower_bound(bytes_.begin(), bytes_.end(), c,
                                      [](const Bytes& a, char32_t value) { return a.c < value; });
  return found != bytes_.end() && found->c == c ? &*found : nullptr;
}

std::uint16_t MojibakeTraits::encodings(char32_t c) const {
  if (c == kLostByte) return kAllEncodings & static_cast<std::uint16_t>(~kSloppyEncodings);
  if (c < 0x80) return kAllEncodings;
  const Bytes* bytes = find_bytes(c);
  return bytes == nullptr ? 0 : bytes->encodings;
}

std::uint8_t MojibakeTraits::byte(char32_t c, unsigned encoding) const {
  return c < 0x80 ? static_cast<std::uint8_t>(c) : find_bytes(c)->bytes[encoding];
}

BadnessScan::BadnessScan() : state_(kBadnessStart) {}

bool BadnessScan::see(std::uint8_t atom) {
  state_ = kBadnessNext[state_ * kBadnessAtomCount + atom];
  return state_ == kBadnessFound;
}

void BadnessScan::restart() { state_ = kBadnessStart; }

bool is_bad(std::u32string_view text) {
  const MojibakeTraits& traits = MojibakeTraits::instance();
  BadnessScan scan;
  return std::any_of(text.begin(), text.end(),
                     [&](char32_t c) { return scan.see(traits.badness_atom(c)); });
}

char32_t instead_of_c1(char32_t c) {
  return is_c1(c) ? char32_t{kCharmaps[windows_1252 - 1][c - 0x80]} : c;
}

void MojibakeRepair::repair(std::u32string& text, WorkBudget& budget) {
  while (budget.take(text.size()) && repair_once(text, budget)) {
  }
}

/// One step of ftfy's; whether it changed anything.
bool MojibakeRepair::repair_once(std::u32string& text, WorkBudget& budget) {
  if (!is_bad(text)) return false;
  const MojibakeTraits& traits = MojibakeTraits::instance();
  std::uint16_t encodings = kAllEncodings;
  for (const char32_t c : text) encodings &= traits.encodings(c);
  for (unsigned encoding = latin_1; encoding < encoding_count; ++encoding) {
    if ((encodings >> encoding & 1U) == 0 || !decode_whole(text, encoding)) continue;
    const bool changed = decoded_ != text;
    text.swap(decoded_);
    return changed;
  }
  if (decode_parts(text, budget)) return true;
  // Where all is Latin-1, ftfy first tries to read the whole as Windows-1252; where it can, that is
  // the same as replacing the controls one by one.
  bool changed = false;
  for (char32_t& c : text) {
    const char32_t instead = instead_of_c1(c);
    changed = changed || instead != c;
    c = instead;
  }
  return changed;
}

/// Whether the text, as bytes of the encoding, is UTF-8 or close to it; then that is in decoded_.
bool MojibakeRepair::decode_whole(std::u32string_view text, unsigned encoding) {
  const MojibakeTraits& traits = MojibakeTraits::instance();
  bytes_.clear();
  for (const char32_t c : text) bytes_.push_back(traits.byte(c, encoding));
  // In MacRoman an en dash before a space would look like it.
  if (encoding != macroman) restore_byte_a0(bytes_, other_bytes_);
  if (is_sloppy(encoding)) replace_lossy_sequences(bytes_, other_bytes_);
  return decode_utf8_variants(bytes_, decoded_);
}

/// How long the run of what looks like UTF-8 sequences is at text[at].
std::size_t MojibakeRepair::utf8_like_length(std::u32string_view text, std::size_t at) {
  using Traits = MojibakeTraits;
  static constexpr std::array<std::uint16_t, 3> kFirsts = {Traits::kFirst2, Traits::kFirst3,
                                                           Traits::kFirst4};
  const Traits& traits = Traits::instance();
  std::size_t end = at;
  while (end < text.size()) {
    std::size_t length = 0;
    for (std::size_t more = 1; more <= kFirsts.size() && length == 0; ++more) {
      if (!traits.is(text[end], kFirsts[more - 1]) || more >= text.size() - end) continue;
      const std::u32string_view rest = text.substr(end + 1, more);
      if (std::all_of(rest.begin(), rest.end(),
                      [&](char32_t c) { return traits.is(c, Traits::kContinuation); })) {
        length = 1 + more;
      }
    }
    if (length == 0) break;
    end += length;
  }
  return end - at;
}

/// Repairs runs that look like UTF-8 each on its own; whether that changed anything.
bool MojibakeRepair::decode_parts(std::u32string& text, WorkBudget& budget) {
  const MojibakeTraits& traits = MojibakeTraits::instance();
  std::u32string result;
  bool changed = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 0;
    if (at == 0 || !traits.is(text[at - 1], MojibakeTraits::kStrictContinuation)) {
      length = utf8_like_length(text, at);
    }
    if (length == 0) {
      if (changed) result += text[at];
      ++at;
      continue;
    }
    const std::u32string_view run = std::u32string_view(text).substr(at, length);
    std::u32string repaired(run);
    if (length < text.size() && is_bad(run)) repair(repaired, budget);
    if (!changed && repaired != run) {
      result.assign(text, 0, at);
      changed = true;
    }
    if (changed) result += repaired;
    at += length;
  }
  if (changed) text.swap(result);
  return changed;
}

}  // namespace millrace
