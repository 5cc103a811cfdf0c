#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "loader/random_rounds.h"
#include "loader/unpacked_shards.h"
#include "millrace/loader/ledger.h"
#include "millrace/loader/options.h"
#include "millrace/loader/plan.h"
#include "millrace/loader/sample_worker.h"
#include "scratch_folder.h"

namespace millrace::test {

/// Datasets of random sizes. Every sample has a number of its own over all of them, as `num`; one
/// in `bad_one_in` has a `num` that is none. The shards of some sources must be unpacked.
class NumberedSources {
 public:
  NumberedSources(Random& random, std::size_t sources, std::uint64_t bad_one_in);

  struct Source {
    std::vector<std::string> paths;
    std::vector<std::vector<std::int64_t>> shards;  ///< the samples' numbers
    bool unpacked = false;
  };
  const std::vector<Source>& sources() const { return sources_; }
  bool is_bad(std::int64_t number) const { return bad_.contains(number); }
  const ScratchFolder& folder() const { return folder_; }
  /// Opens the shards of both kinds. To be outlived by this.
  ShardOpener opener() const;

 private:
  ScratchFolder folder_;
  std::vector<Source> sources_;
  std::set<std::string> unpacked_;  // paths
  mutable UnpackedShards unpacked_shards_;
  std::set<std::int64_t> bad_;
};

/// What a loader with `options` over such sources must deliver of one epoch, worked out slot by
/// slot from EpochPlan. Knows Selection's shards and every.
class EpochModel {
 public:
  EpochModel(const LoaderOptions& options, const NumberedSources& data, std::uint64_t epoch,
             const MixtureStart& start);

  const EpochPlan& plan() const { return plan_; }

  struct Slot {
    Outcome outcome = Outcome::delivered;
    std::int64_t number = 0;  ///< unless skipped or raised
    bool is_padded = false;
  };
  /// The slots of a batch of the rank in `options`, which takes the epoch up at `begin`, booked in
  /// `ledger` like the loader does.
  std::vector<Slot> batch(std::uint64_t begin, std::uint64_t batch, Ledger& ledger) const;
  std::uint64_t batches(std::uint64_t begin) const;
  /// The position after so many batches.
  std::uint64_t after(std::uint64_t begin, std::uint64_t batches) const;
  /// A ledger that is begun at `begin`, and the end of it.
  Ledger begin_ledger(std::uint64_t begin) const;
  void book_dropped(std::uint64_t begin, Ledger& ledger) const;

 private:
  struct Place {
    std::int64_t number;
    std::string path;
  };
  const Place& place(const PlannedSample& sample) const {
    return selected_[sample.source][sample.number];
  }
  std::uint64_t stride() const { return options_.batch_size * options_.world_size; }
  std::uint64_t on_rank(std::uint64_t begin) const;
  Slot make(std::uint64_t position) const;

  LoaderOptions options_;
  const NumberedSources& data_;
  std::vector<std::vector<Place>> selected_;  // by source
  EpochPlan plan_;
};

}  // namespace millrace::test
