#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace {

/// Records that a reader passed over on purpose, counted.
struct SkippedRecords {
  std::uint64_t not_files = 0;      ///< links, devices, folders, unknown types
  std::uint64_t meta_members = 0;   ///< `__x__/...`; of a folder also files that go with no image
  std::uint64_t apple_members = 0;  ///< `__MACOSX/`, `._name`, `.DS_Store`
  std::uint64_t without_extension = 0;
  std::uint64_t duplicate_fields = 0;  ///< a repeated extension, which began a new sample
  /// Of COCO: of images that the document does not list. Sample indexes do not keep it.
  std::uint64_t captions_without_image = 0;
};

/// Where the samples of a shard are.
struct ShardIndex {
  /// `Shard::read` takes these. A damaged place has an entry of its own, because at least one
  /// sample was lost there: reading it gives the error. So nothing a shard lost goes uncounted.
  std::vector<std::uint64_t> sample_offsets;
  std::uint64_t damaged = 0;  ///< how many of the entries are damaged places
  SkippedRecords skipped;
};

/// One open shard: random access to its samples. Thread-safe and immutable.
class Shard {
 public:
  virtual ~Shard() = default;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  virtual std::string_view name() const = 0;
  /// Walks the headers of the whole shard; touches no payload.
  /// Errors: io_error if the file changed its size. Damage is not an error here but an entry.
  virtual Result<ShardIndex> index() const = 0;
  /// Fills `sample` with the sample at an offset of the index. An error carries shard, offset and,
  /// where known, key.
  virtual Result<void> read(std::uint64_t offset_bytes, Sample& sample) const = 0;
  /// What the shard is read from: the mapped file, what was unpacked from it, or the listing of a
  /// folder.
  virtual const ByteSource& source() const = 0;

  /// Memory that the shard holds besides mapped files, because its file is compressed. 0: none, and
  /// opening it is cheap.
  virtual std::uint64_t unpacked_bytes() const { return 0; }
  /// About what that is with all fields and samples unpacked, whatever ReadOptions::fields asks for
  /// and has been read so far: what indexes keep, and what an epoch is planned by.
  virtual std::uint64_t whole_unpacked_bytes() const { return unpacked_bytes(); }
  /// Asks the system to read the sample at `offset` soon; the next one begins at `next_offset`.
  /// Returns how many bytes it will touch, 0 if unknown.
  virtual std::uint64_t will_need(std::uint64_t offset, std::uint64_t next_offset) const;
  /// The sample's bytes will not be looked at any more.
  virtual void done_with(const Sample& sample) const;

 protected:
  Shard() = default;
};

/// Opens a shard that `list_shards` gave, as what `options.format` says, else by its name and first
/// bytes (see shard_format.h). Compressed ones are unpacked into memory here, within the limits.
/// Errors: io_error; damaged_shard for a file without which no sample can be found (a table's
/// header, a footer).
Result<std::shared_ptr<const Shard>> open_shard(const std::string& path,
                                                const ReadOptions& options = {});

/// Opens a shard in a way of one's own: from other storage, or in tests with faults. For any
/// thread; what it throws ends the epoch.
using ShardOpener = std::function<Result<std::shared_ptr<const Shard>>(const std::string& path)>;

/// A shard over any byte source: a WebDataset tar.
std::shared_ptr<const Shard> tar_shard(std::shared_ptr<const ByteSource> source,
                                       const ReadLimits& limits = {});

}  // namespace millrace
