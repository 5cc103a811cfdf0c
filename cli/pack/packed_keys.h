#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace millrace::cli {

/// The key as it may stand in a member's name so that webdataset, tar and this program read it back
/// as it is. Keys that are so already stay:
/// - the ending of an image file goes: rows are called after their image's path;
/// - in the last part each `.` becomes `_`, because the first one begins the extension;
/// - `/` at the ends, empty parts and parts `.` and `..` go;
/// - a first part `__x__` and a part `__MACOSX` get an `x` before them: readers pass such over;
/// - control characters, backslashes and bytes that are not UTF-8 become `_`;
/// - nothing at all becomes `_`.
std::string safe_key(std::string_view key);

/// An extension, likewise: `/`, control characters and what is not UTF-8 become `_`, upper case
/// (ASCII) lower, and what would be read as reserved gets an `x` before it.
std::string safe_extension(std::string_view extension);

/// Makes keys unique over all shards of a pack: the second of a kind gets `_1`, and so on, the
/// first number that is free. Keeps 64 bits of a key, 16 to 32 bytes for each; that two keys have
/// the same ones only costs a number that was not needed.
class UniqueKeys {
 public:
  /// Returns whether the key had to be changed.
  bool make_unique(std::string& key);
  /// A key that is taken, by its key_hash().
  void take(std::uint64_t hash) { insert(hash); }

 private:
  bool insert(std::uint64_t hash);
  void grow();

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024);  // 0: free
  std::size_t count_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> last_number_;  // of keys that came again
};

}  // namespace millrace::cli
