#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/result/result.h"

namespace millrace::cli {

/// An entry of the sources: of which shard, and which of its samples.
struct SourcePlace {
  std::uint64_t shard = 0;
  std::uint64_t entry = 0;
  bool operator==(const SourcePlace&) const = default;
};

/// Throws std::invalid_argument: what was asked for does not fit what is in the folder, as this
/// file shows.
[[noreturn]] void refuse_pack(const std::string& path, const std::string& what);

/// What a pack is made of. Two runs with the same make the same.
struct PackHeader {
  std::string description;         ///< the manifest's first line, JSON
  std::string stamp;               ///< changes whenever one of `files` does
  std::vector<std::string> files;  ///< that are read as wholes
};

/// What samples were read from besides the files of the sources: images that rows name, those of
/// folders.
struct NamedFiles {
  std::uint64_t files = 0;
  std::uint64_t stamp = 0;  ///< a sum over samples, whatever their order

  void add(const NamedFiles& more) {
    files += more.files;
    stamp += more.stamp;
  }
  bool operator==(const NamedFiles&) const = default;
};

/// A finished shard.
struct PackedShard {
  std::string name;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc32 = 0;
  std::uint64_t changed_keys = 0;
  std::uint64_t reencoded_images = 0;
  std::vector<Error> skipped;  ///< samples left out since the shard before; their place is in it
  NamedFiles named;            ///< of all entries since the shard before
  SourcePlace next;            ///< where the next shard begins
};

/// A pack as its manifest tells of it.
struct FinishedPack {
  std::vector<PackedShard> shards;  ///< without `skipped`, `named` and `next`
  std::uint64_t skipped = 0;
  NamedFiles named;
};

/// Sums over shards.
struct PackTotals {
  std::uint64_t shards = 0;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  std::uint64_t skipped = 0;
  std::uint64_t changed_keys = 0;
  std::uint64_t reencoded_images = 0;

  void add(const PackedShard& shard);
};

/// Remembers in `manifest.jsonl.partial` which shards are finished, and becomes `manifest.jsonl`.
/// One process at a time. Not thread-safe.
class PackJournal {
 public:
  /// Takes up what an interrupted run left in the folder. `force`: instead removes the shards and
  /// the manifest of the pack that is there. Errors: io_error, also if another process packs there.
  /// Throws as refuse_pack if what was interrupted is another pack.
  static Result<std::unique_ptr<PackJournal>> open(const std::string& folder,
                                                   const PackHeader& header, bool force);
  ~PackJournal();
  PackJournal(const PackJournal&) = delete;
  PackJournal& operator=(const PackJournal&) = delete;

  /// The same pack, if it is finished in that folder. Errors: io_error; damaged_shard if
  /// the manifest is cut short. Throws as refuse_pack where another one is, or where `header.files`
  /// have changed since.
  static Result<std::optional<FinishedPack>> finished_pack(const std::string& folder,
                                                           const PackHeader& header);

  /// Shards of the interrupted run, in order.
  const std::vector<PackedShard>& finished() const { return finished_; }
  /// Forgets the finished shards from number `count` on.
  Result<void> keep(std::size_t count);
  /// The shard is whole and has its name.
  Result<void> add(const PackedShard& shard);
  /// All are: writes the manifest and removes the journal.
  Result<void> finish(const PackTotals& totals);

  std::string path() const { return folder_ + "manifest.jsonl.partial"; }
  std::string manifest_path() const { return folder_ + "manifest.jsonl"; }

 private:
  PackJournal(std::string folder, int file) : folder_(std::move(folder)), file_(file) {}
  Result<void> take_up(const PackHeader& header, bool force);
  Result<void> append(const std::string& line);
  Result<void> cut(std::uint64_t bytes);

  std::string folder_;  // with its slash
  int file_;
  std::uint64_t bytes_ = 0;
  PackHeader header_;
  std::vector<PackedShard> finished_;
  std::vector<std::uint64_t> ends_;  // of the header's line and of each shard's
};

}  // namespace millrace::cli
