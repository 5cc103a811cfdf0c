#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Reads one JSON object and takes several values out of it, in one walk over the whole of it. As
/// strict as JsonValueReader. Keeps its buffers, so that in the long run nothing is allocated. Not
/// thread-safe.
class JsonRowReader {
 public:
  /// A path of keys: `meta.file` is the key `file` of the object `meta`.
  using Path = std::vector<std::string>;
  static Path path_of(std::string_view text);

  JsonRowReader();
  ~JsonRowReader();
  JsonRowReader(JsonRowReader&&) noexcept;
  JsonRowReader& operator=(JsonRowReader&&) noexcept;

  /// False if `json` is no object, or not valid: `why` says so. Else `values` has what each path
  /// leads to: a string, unescaped, a number, true or false, as written. Nothing: it leads nowhere,
  /// to null or to an object. A list stands for its first entry; of duplicate keys the last counts.
  /// The values hold until the next call.
  bool read(std::span<const std::uint8_t> json, std::span<const Path> paths,
            std::vector<std::optional<std::string_view>>& values);
  std::string_view why() const { return why_; }
  /// Memory that it holds.
  std::size_t buffer_bytes() const;

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  std::string_view why_;
};

}  // namespace millrace
