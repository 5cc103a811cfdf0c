#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "check/check_tallies.h"

namespace millrace::cli {

/// What img2dataset says of its download in `NNNNN_stats.json`, beside `NNNNN.tar` and others.
struct DownloadStats {
  std::uint64_t count = 0;
  std::uint64_t successes = 0;
  std::uint64_t failed_to_download = 0;
  std::uint64_t failed_to_resize = 0;
  NamedCounts status;  ///< "success", and why others failed
};

/// Of a shard. Nothing: there is no such file, or it is another one's.
std::optional<DownloadStats> read_download_stats(const std::string& shard);

}  // namespace millrace::cli
