#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Runs `task(0) .. task(count - 1)` in any order, possibly in parallel, and returns when all have
/// ended.
using ParallelFor =
    std::function<void(std::size_t count, const std::function<void(std::size_t)>& task)>;

/// How the size of a sample's image is told, for metadata such as `image:width`.
struct ImageSizeReader {
  struct Size {
    int width = 0;  ///< 0: not known
    int height = 0;
  };
  std::string fields;                                             ///< a field selector
  std::function<Size(std::span<const std::uint8_t> image)> read;  ///< from any thread
};

/// How a catalog comes to know the shards.
struct CatalogOptions {
  /// Use and keep sample indexes (see sample_index.h): those beside the shards and those in the
  /// cache folder; what is in neither is walked, and then kept in the cache folder. false: every
  /// shard is walked, nothing is kept.
  /// Not done where `read` tells shards apart from what indexes know
  /// (ReadOptions::reads_as_indexed).
  bool use_index = true;
  /// Where indexes made on the fly are kept. Empty: nowhere.
  std::string cache_folder = default_cache_folder();
  /// Fields that must be known of every sample without decoding: `json:width`, `json:a.b`, or
  /// `__key__`, or `json:texts#`, the number of texts there (see kCountSuffix), or what the image's
  /// header says: `image:width` and `image:height` as stored, and `image:aspect`, width / height. A
  /// shard whose index lacks one is walked anew; so is one whose images are files of their own, for
  /// the metadata of images, which is not kept then.
  std::vector<std::string> metadata;
  ImageSizeReader image_size;  ///< needed where metadata is of images
  ReadOptions read;  ///< `fields` of it is not looked at: walks read what `metadata` needs
  /// Instead of open_shard where a shard is walked; its path must still name a file.
  ShardOpener open_shard;

  /// $MILLRACE_CACHE_DIR, else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace; empty where none
  /// of the variables is set.
  static std::string default_cache_folder();
};

/// The shards that specs name, each with its number of samples, and on demand where its samples
/// are. What planning needs is in memory (the counts); the rest is fetched by shard. Immutable for
/// its callers and thread-safe once opened.
class ShardCatalog {
 public:
  virtual ~ShardCatalog() = default;
  ShardCatalog(const ShardCatalog&) = delete;
  ShardCatalog& operator=(const ShardCatalog&) = delete;

  /// Expands the specs (shard_spec.h) and lists the shards of what they name (shard_listing.h). A
  /// spec may also name a sample index: it stands for its
  /// shards, which then are neither listed nor looked at before they are read. All other shards are
  /// looked at now: an index entry whose size or modification time is not the shard's is not
  /// served, the shard is walked instead.
  /// Errors: those of expand_shard_specs, a shard that cannot be opened, a damaged index (named).
  static Result<std::shared_ptr<const ShardCatalog>> open(const std::vector<std::string>& specs,
                                                          const CatalogOptions& options,
                                                          const ParallelFor& parallel_for);

  virtual std::size_t shards() const = 0;
  virtual std::string path(std::size_t shard) const = 0;
  /// Entries of the shard's index: its samples and its damaged places.
  virtual std::uint64_t samples(std::size_t shard) const = 0;
  /// Of the shard's file, or what it unpacks to.
  virtual std::uint64_t bytes(std::size_t shard) const = 0;
  /// Shard::whole_unpacked_bytes, rounded up to MiB; 0: the shard is mapped.
  virtual std::uint64_t unpacked_bytes([[maybe_unused]] std::size_t shard) const { return 0; }
  /// Sums over all shards, as far as the indexes know them.
  virtual std::uint64_t damaged_shards() const = 0;
  virtual SkippedRecords skipped_records() const = 0;

  /// What `Shard::read` takes, for every sample of `shard`, which `open` is. Walks the shard's
  /// headers (once) where only the count is known.
  /// Errors: stale_index if the file is not the one that was indexed (size, modification time) or
  /// has another number of samples than was imported; says how to mend it.
  virtual Result<std::vector<std::uint64_t>> sample_offsets(std::size_t shard,
                                                            const Shard& open) const = 0;

  /// A metadata field of every sample of `shard`, in the order of the offsets; NaN where a sample
  /// has no such number. `field` must be one of CatalogOptions::metadata (std::invalid_argument).
  virtual Result<std::vector<double>> numbers(std::size_t shard, std::string_view field) const = 0;
  /// key_hash() of every sample's key; `__key__` must be one of CatalogOptions::metadata.
  virtual Result<std::vector<std::uint64_t>> key_hashes(std::size_t shard) const = 0;

 protected:
  ShardCatalog() = default;
};

/// The 64-bit hash by which indexes know a key. 0 is the key of a damaged place, which has none.
std::uint64_t key_hash(std::string_view key);

}  // namespace millrace
