#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// A set of sample keys, known by their 64-bit hashes (key_hash() in
/// formats/index/shard_catalog.h). Two keys of the same hash are one: among 10 billion samples a
/// list of a million keys hits a wrong one with a probability of about 1 in 1,800. Immutable,
/// thread-safe. 16 to 32 bytes a key.
class KeySet {
 public:
  /// Each entry is a key, or `@FILE` for the lines of a file: a key a line, with LF or CRLF, a
  /// UTF-8 byte order mark passed over, empty lines too; nothing else is trimmed, and keys that
  /// begin with `@` are written in a file. Throws std::invalid_argument naming `option` and the
  /// entry that is empty or the file that cannot be read.
  KeySet(std::string_view option, const std::vector<std::string>& entries);

  /// Different hashes.
  std::uint64_t size() const { return size_; }
  bool contains(std::uint64_t hash) const {
    for (std::size_t slot = slot_of(hash);; slot = next(slot)) {
      if (slots_[slot] == 0) return false;
      if (slots_[slot] == hash) return true;
    }
  }
  /// Depends on the keys, not on their order, repetition, or the names of files.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  std::size_t slot_of(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

  std::vector<std::uint64_t> slots_;  // open addressing, half empty; 0 is no key's hash
  std::uint64_t size_ = 0;
  std::uint64_t fingerprint_ = 0;
};

/// Throws std::invalid_argument naming `option` if an entry is empty or a bare `@`. Reads no file.
void validate_keys(std::string_view option, const std::vector<std::string>& entries);

}  // namespace millrace
