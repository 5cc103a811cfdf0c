#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::cli {

/// Where a pack is written.
struct PackTarget {
  std::string folder;   ///< with its slash
  std::string pattern;  ///< of the shards' file names, see shard_name

  /// Whether a file of this name may be a shard of the pack.
  bool names(std::string_view file_name) const;
};

/// `output` is a folder, which gets `PREFIX-000000.tar`, ..., or a path with one `%d` or `%06d`
/// that ends in `.tar`. Throws std::invalid_argument on what is neither, or could not be a source
/// later.
PackTarget pack_target(const std::string& output, const std::string& prefix);

/// "512MiB", "1.5GB", "100000": KiB, MiB, GiB, TiB and K, M, G, T count in 1024, kB, MB, GB, TB in
/// 1000. Throws std::invalid_argument that names the option.
std::uint64_t bytes_of_size(const std::string& text, const std::string& option);

}  // namespace millrace::cli
