#pragma once

#include <cstdint>
#include <optional>
#include <span>
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

/// What is wrong with an MDS shard's bytes, uncompressed, by the hashes that its index.json gives
/// them. Nothing: they are right, or there are none of those that are computed here, xxhash's
/// (xxh32, xxh64, xxh3_64, xxh128 or xxh3_128).
std::optional<std::string> wrong_mds_hash(const std::string& shard,
                                          std::span<const std::uint8_t> bytes);

}  // namespace millrace::cli
