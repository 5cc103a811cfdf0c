#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/loader/aspect_buckets.h"
#include "millrace/loader/plan.h"
#include "millrace/loader/selection.h"
#include "millrace/transforms/column.h"

namespace millrace {

/// What happens to a sample that cannot be read or decoded. Whatever it is, the ledger has it.
enum class OnBadSample : std::uint8_t {
  substitute,  ///< its slot gets the next good sample of the same shuffle block: batches stay full
  skip,        ///< its slot is left out: the batch gets shorter
  raise,       ///< next() throws LoaderError when the batch's turn comes
};
std::string_view on_bad_sample_name(OnBadSample policy);

/// "first_exhausted", "last_exhausted".
std::string_view stop_at_name(StopAt stop_at);

/// How many bad samples are too many. Counted in delivery order, so the same on every run.
struct ErrorBudget {
  /// Largest tolerated share of bad samples since the start of the epoch, looked at from
  /// `kShareCheckedFrom` samples on. 1: any share.
  double share = 0.1;
  /// Largest tolerated number of bad samples in a row.
  std::uint64_t consecutive = 1000;

  static constexpr std::uint64_t kShareCheckedFrom = 1000;
};

/// The environment's RANK (else 0) and WORLD_SIZE (else 1), as torchrun and its like set them.
/// Throw std::invalid_argument where the variable is there and no number.
std::uint64_t rank_of_environment();
std::uint64_t world_size_of_environment();

enum class PinMemory : std::uint8_t { automatic, on, off };

/// One dataset of a mixture.
struct MixtureSource {
  std::string name;                  ///< in ledgers and messages; empty: its first spec
  std::vector<std::string> sources;  ///< shard specs
  /// Share of the samples, relative to the other sources'. 0: its number of samples.
  double weight = 0;
  /// Exactly so many in each epoch; of all sources or of none. 0: not given.
  std::uint64_t samples_per_epoch = 0;
  Selection select;
  ReadOptions read = {};  ///< how its files become samples; `fields` is filled in from the columns
};

/// Everything a loader can be told. The first group changes what is delivered and enters the
/// state's fingerprint where said; the second changes only the speed.
struct LoaderOptions {
  // What is delivered.

  /// Shard specs (see formats/shard_spec.h), read as one dataset in this order. Fingerprinted as
  /// the shards' file names and sample counts, so a dataset may move to another folder.
  std::vector<std::string> sources;
  /// Read `sources` as streams, in one go and without an index (see stream_epoch.h): standard input
  /// (`-`), pipes, commands (`pipe:COMMAND`). Each block of shuffle_window samples, and at most
  /// shuffle_window_bytes, is shuffled within itself; in memory are the blocks that the batches in
  /// flight touch on any rank, and two more. Their length is not known beforehand, and selection,
  /// mixtures, samples_per_epoch and formats other than tar need an index. `-` and `pipe:` are
  /// streams anyway.
  bool streaming = false;
  /// Whether `pipe:COMMAND` runs its command in a shell. Only for specs nobody else could write.
  bool allow_commands = false;
  ReadOptions read;  ///< how files become samples; `fields` is filled in from the columns
  Selection select;  ///< which samples of `sources` take part. Fingerprinted.
  /// Several datasets instead of `sources`, each in an order of its own, mixed in fixed shares.
  /// Fingerprinted; the shares alone may be changed on a resume, see Loader::load_state.
  std::vector<MixtureSource> mixture;
  double temperature = 1;  ///< of a mixture: shares are raised to 1 / temperature. Fingerprinted
  /// Where the epoch of a mixture with weights ends. Fingerprinted.
  StopAt stop_at = StopAt::first_exhausted;
  /// The length of an epoch, going on through the data where the epoch before stopped; each pass
  /// over the data has an order of its own. 0: an epoch is a pass. Fingerprinted.
  std::uint64_t samples_per_epoch = 0;
  Columns columns = clip_columns(224);  ///< of every batch. Fingerprinted
  /// Batches of images of about one aspect ratio each: every sample goes to the bucket that is
  /// nearest to its image's ratio, and a batch has `columns` and those of its bucket, whose images
  /// may have a size of their own. The ratio is told by the images' headers, which sample indexes
  /// keep (`millrace index --metadata image:aspect`); without them they are read when the loader is
  /// made. All buckets have columns of the same names and dtypes, in the same order; they take the
  /// place of those of the same name in `columns`. Not with a mixture, select.every,
  /// streams or samples_per_epoch. Empty: none. Fingerprinted.
  std::vector<AspectBucket> buckets;
  /// With buckets: so many samples in a row are of one (see bucket_runs.h). 0: batch_size *
  /// world_size. A batch has the columns of the bucket of its first sample on any rank; where the
  /// samples of a batch on all ranks do not divide the run, some of its samples are of the bucket
  /// that follows. Fingerprinted, so give it where a run may go on at another size.
  std::uint64_t bucket_run = 0;
  std::size_t batch_size = 256;  ///< samples a batch on this rank, >= 1
  bool shuffle = false;          ///< fingerprinted
  /// Over how many samples the block shuffle mixes at any time; the larger, the closer to a full
  /// permutation and the more scattered the reads. Of a mixture: in each source. Fingerprinted.
  std::uint64_t shuffle_window = 16384;
  /// The same in bytes of the shards, turned into samples by their mean size. 0: not given.
  std::uint64_t shuffle_window_bytes = 0;
  std::uint64_t seed = 0;   ///< fingerprinted
  std::uint64_t epoch = 0;  ///< the first epoch
  std::uint64_t rank = rank_of_environment();
  std::uint64_t world_size = world_size_of_environment();
  /// true: the tail that does not fill a batch on every rank is dropped (and counted as such);
  /// false: the last batch is shorter, and where the ranks would differ the missing positions are
  /// filled from the beginning of the epoch (counted as padded). Fingerprinted.
  bool drop_last = false;
  OnBadSample on_bad_sample = OnBadSample::substitute;  ///< fingerprinted
  ErrorBudget error_budget;

  // Only the speed.

  /// Worker threads. 0: the cores this process may use.
  std::size_t threads = 0;
  /// Batches in flight (being filled, or full and not yet taken), >= 1. Bounds the memory:
  /// (prefetch_batches + those the caller holds) x bytes of a batch.
  std::size_t prefetch_batches = 3;
  /// How many bytes ahead of the workers the system is asked to read. 0: no asking.
  std::uint64_t read_ahead_bytes = std::uint64_t{256} << 20;
  /// Memory for shards that must be unpacked whole (compressed tars, row groups of Parquet), of all
  /// sources: those in use, the next ones, and, where there is room, those used before. It should
  /// hold what a shuffle window touches (window / samples of a shard + up to 8), or shards are
  /// unpacked again and again. Each thread's latest shard is kept besides. 0: only those.
  std::uint64_t unpacked_cache_bytes = std::uint64_t{4} << 30;
  /// Page-locked batches (torch_ext only). automatic: where an accelerator is present.
  PinMemory pin_memory = PinMemory::automatic;

  // Besides.

  /// Use sample indexes, and keep those that had to be made (see CatalogOptions::use_index).
  bool use_index = true;
  /// Where bad samples and the sums of each epoch are written as JSON lines (see ledger_file.h),
  /// behind what is there; `{rank}` stands for the rank. Empty: nowhere.
  std::string ledger_path;

  /// For users of C++: opens shards instead of formats' open_shard. Its paths must still name
  /// files.
  ShardOpener open_shard;

  /// `streaming`, or a source that can be read in no other way.
  bool reads_streams() const;
  /// bucket_run, or what stands for it.
  std::uint64_t used_bucket_run() const {
    return bucket_run > 0 ? bucket_run : batch_size * world_size;
  }
  /// `mixture`, or `sources` as a mixture of one, or of one a bucket.
  std::vector<MixtureSource> all_sources() const;
  /// What batches can hold: `columns`, or those and the ones of each bucket.
  std::vector<Columns> column_sets() const;

  /// Throws std::invalid_argument that names the first option that is out of range, and its value.
  void validate() const;
};

/// The cores that the scheduler and the control group allow this process, at least 1.
std::size_t usable_cores();

}  // namespace millrace
