#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "millrace/loader/sample_counts.h"

namespace millrace {

/// An order as what measures it sees it. The functions are called for positions below `positions`
/// and numbers below that of the dataset's samples.
struct MeasuredOrder {
  /// How many of the order's positions, from 0 on, can be asked for.
  std::uint64_t positions = 0;
  /// The number of the sample at a position, counted through the shards.
  std::function<std::uint64_t(std::uint64_t position)> at;
  /// Its inverse; nothing for a sample that none of the positions has.
  std::function<std::optional<std::uint64_t>(std::uint64_t number)> position_of;
  /// Where samples are not read in the order of their positions: ShuffleQuality::mean_read_run.
  std::optional<double> read_run = std::nullopt;
};

struct ShuffleQualityOptions {
  std::uint64_t batch_size = 256;
  /// Positions in a row over which shards and reads are counted, beginning at multiples of it. Of
  /// an EpochOrder: its window_positions().
  std::uint64_t window = 16384;
  /// The dataset is taken to be sorted by class: so many groups of consecutive shards, of equal
  /// numbers of shards, are its classes. Not more than there are shards.
  std::uint64_t classes = 100;
  std::uint64_t seed = 0;  ///< of where is measured
};

/// How well an order shuffles. Measured over about a million positions: all, or stretches of
/// consecutive ones at random places. N is the number of samples of the dataset.
///
/// Each figure's expectation for a full permutation of many equal shards is given behind it.
struct ShuffleQuality {
  /// Share of positions i whose successor i + 1 has a sample of the same shard. 1 / shards
  double same_shard_next = 0;
  /// Positions / (1 + positions whose successor is of another shard): mean length of a run of
  /// samples of one shard. 1 / (1 - 1 / shards)
  double mean_shard_run = 0;
  /// The same of classes. 1 / (1 - 1 / classes)
  double mean_class_run = 0;
  /// The longest run of one class among the positions measured.
  std::uint64_t longest_class_run = 0;

  /// Mean number of different shards in batch_size positions in a row.
  double shards_in_batch = 0;
  /// The same in `window` positions in a row (in the stretch, if that is shorter).
  double shards_in_window = 0;
  /// Mean over batches of the share that the commonest class has.
  double commonest_class_in_batch = 0;
  /// To how many independent draws a batch is worth with respect to its classes:
  /// B / d with the design effect d = sum (n_bc - B p_c)^2 / sum B p_c (1 - p_c), summed over
  /// batches b and classes c; B: batch size, n_bc: samples of class c in batch b, p_c: share of
  /// class c in the dataset (Kish, "Survey Sampling", 1965, 8.2). B; more is better than drawn.
  double independent_draws_in_batch = 0;

  /// Mean of |position(n + 1) - position(n)| over samples n, divided by (N + 1) / 3. 1
  double neighbour_distance = 0;
  /// Share of the samples n of a batch whose neighbour n + 1 is in the same batch.
  /// (batch_size - 1) / N
  double neighbours_in_batch = 0;
  /// Spearman's correlation of sample number and position. 0
  double rank_correlation = 0;

  /// What reading costs: the mean length, in samples, of the runs of consecutive sample numbers
  /// that `window` positions in a row consist of (a buffer: of a shard). 1 / (1 - window / N)
  double mean_read_run = 0;
};

/// Takes time and memory bounded by the million positions, whatever the size of the dataset (and 8
/// bytes a class). Throws std::invalid_argument where the options have a zero, or there is nothing
/// to measure.
ShuffleQuality measure_shuffle(const MeasuredOrder& order, const SampleCounts& samples,
                               const ShuffleQualityOptions& options);

/// What shuffling by a full permutation would give: a Permutation of all samples.
MeasuredOrder full_permutation(std::uint64_t samples, std::uint64_t seed);

/// What a rolling shuffle buffer gives, as webdataset's `shuffle(size, initial=...)` in one worker:
/// shards in random order, read one after the other; the buffer begins to emit when it holds
/// `initial` samples, and from then on takes in two for each that leaves until it holds `size`;
/// which one leaves is drawn at random. Simulated for the first two million positions at most.
struct ShuffleBuffer {
  std::uint64_t size = 10'000;
  std::uint64_t initial = 1'000;
};
MeasuredOrder shuffle_buffer_order(const SampleCounts& samples, const ShuffleBuffer& buffer,
                                   std::uint64_t seed);

}  // namespace millrace
