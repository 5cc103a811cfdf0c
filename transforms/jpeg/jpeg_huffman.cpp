#include "millrace/transforms/jpeg/jpeg_huffman.h"

#include <algorithm>

namespace millrace::jpeg {
namespace {

constexpr unsigned kIndexBits = HuffmanTable::kBits;

/// `size` bits as T.81 F.2.2.1 extends them to a number with a sign.
int extend(unsigned bits, unsigned size) {
  return bits < (1U << size >> 1) ? static_cast<int>(bits) - static_cast<int>((1U << size) - 1)
                                  : static_cast<int>(bits);
}

constexpr std::uint32_t entry(int value, std::uint32_t advance, unsigned length) {
  return static_cast<std::uint32_t>(value) << 16 | advance << 8 | length;
}

/// The entries that begin with a code of `length` bits for `symbol`.
void fill_entries(std::uint32_t* out, unsigned length, unsigned symbol, bool is_dc) {
  const unsigned size = is_dc ? symbol : symbol & 15;
  const unsigned run = is_dc ? 0 : symbol >> 4;
  const std::size_t count = std::size_t{1} << (kIndexBits - length);
  if (size == 0) {
    const std::uint32_t advance = is_dc ? 1 : run == 15 ? 16 : HuffmanTable::kEndOfBlock;
    std::fill_n(out, count, entry(0, advance, length));
    return;
  }
  if (length + size > kIndexBits) {
    std::fill_n(out, count, entry(static_cast<int>(length << 8 | symbol), HuffmanTable::kLong, 0));
    return;
  }
  const std::size_t each = count >> size;
  for (unsigned bits = 0; bits < (1U << size); ++bits, out += each) {
    std::fill_n(out, each, entry(extend(bits, size), run + 1, length + size));
  }
}

}  // namespace

bool HuffmanTable::assign(HuffmanBytes bytes, bool is_dc) {
  symbols.fill(0);
  std::copy(bytes.begin() + 16, bytes.end(), symbols.begin());
  if (is_dc && std::any_of(bytes.begin() + 16, bytes.end(), [](int s) { return s > 15; })) {
    return false;
  }
  std::uint32_t code = 0;
  std::size_t symbol = 0;
  std::size_t filled = 0;
  after[0] = 0;
  first_symbol[0] = 0;
  for (unsigned length = 1; length <= kLongestCode; ++length) {
    const std::size_t count = bytes[length - 1];
    first_symbol[length] = static_cast<std::int32_t>(symbol) - static_cast<std::int32_t>(code);
    for (std::size_t i = 0; i < count; ++i, ++symbol, ++code) {
      if (code + 1 >= (1U << length)) return false;
      if (length > kIndexBits) continue;
      fill_entries(&entries[filled], length, symbols[symbol], is_dc);
      filled += std::size_t{1} << (kIndexBits - length);
    }
    after[length] = code << (kLongestCode - length);
    code <<= 1;
  }
  after[kLongestCode + 1] = 1U << kLongestCode;
  std::fill(entries.begin() + static_cast<std::ptrdiff_t>(filled), entries.end(),
            entry(0, kLong, 0));
  return true;
}

HuffmanCache::HuffmanCache(std::uint64_t few_pixels)
    : slots_(std::make_unique<std::array<Slot, kSlots>>()), few_pixels_(few_pixels) {}

bool HuffmanCache::is_met_again(HuffmanBytes bytes, bool is_dc) {
  std::uint64_t hash = is_dc ? 1 : 2;
  // FNV-1a. Two tables of one hash cost a table that is built for one file.
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
  if (std::find(met_.begin(), met_.end(), hash) != met_.end()) return true;
  met_[next_met_] = hash;
  next_met_ = (next_met_ + 1) % met_.size();
  return false;
}

HuffmanCache::Slot* HuffmanCache::acquire(HuffmanBytes bytes, bool is_dc, std::uint64_t pixels) {
  Slot* oldest = nullptr;
  ++clock_;
  for (Slot& slot : *slots_) {
    if (slot.source_bytes == bytes.size() && slot.is_dc == is_dc &&
        std::equal(bytes.begin(), bytes.end(), slot.source.begin())) {
      ++slot.users;
      slot.used_at = clock_;
      return &slot;
    }
    if (slot.users == 0 && (oldest == nullptr || slot.used_at < oldest->used_at)) oldest = &slot;
  }
  if (oldest == nullptr || (pixels < few_pixels_ && !is_met_again(bytes, is_dc))) {
    return nullptr;
  }
  oldest->source_bytes = 0;
  if (!oldest->table.assign(bytes, is_dc)) return nullptr;
  std::copy(bytes.begin(), bytes.end(), oldest->source.begin());
  oldest->source_bytes = bytes.size();
  oldest->is_dc = is_dc;
  oldest->users = 1;
  oldest->used_at = clock_;
  return oldest;
}

}  // namespace millrace::jpeg
