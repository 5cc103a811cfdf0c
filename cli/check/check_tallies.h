#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/distribution.h"
#include "check/findings.h"
#include "millrace/formats/shard.h"

namespace millrace::cli {

/// Samples drawn for the spot check: those whose random number is lowest, so that they are the same
/// whoever reads them.
class SpotDraw {
 public:
  SpotDraw() = default;
  /// Of all samples the `share`, of these the `most` with the lowest numbers.
  SpotDraw(double share, std::size_t most, std::uint64_t seed)
      : share_(share), most_(most), seed_(seed) {}

  void offer(SamplePlace place);
  void merge(const SpotDraw& other);
  /// How many the share makes, though some of them may not be kept.
  std::uint64_t drawn() const { return drawn_; }
  /// Those kept, in the order of the shards.
  std::vector<SamplePlace> places() const;

 private:
  struct Ticket {
    std::uint64_t number;
    SamplePlace place;
    bool operator<(const Ticket& other) const { return number < other.number; }
  };
  void keep(const Ticket& ticket);

  double share_ = 0;
  std::size_t most_ = 0;
  std::uint64_t seed_ = 0;
  std::uint64_t drawn_ = 0;
  std::vector<Ticket> kept_;  // a heap, the highest number first
};

/// Counts by name. Names beyond the first kMost are counted as "other".
class NamedCounts {
 public:
  static constexpr std::size_t kMost = 64;
  void add(std::string_view name, std::uint64_t number = 1);
  void merge(const NamedCounts& other);
  bool empty() const { return counts_.empty(); }
  /// The most frequent first.
  std::vector<std::pair<std::string, std::uint64_t>> sorted() const;

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

/// All that one thread has counted. What is counted adds up: samples = good + bad, images =
/// decoded + undecodable, and so on.
struct CheckTallies {
  std::uint64_t samples = 0;  ///< entries of the shards, damaged places included
  std::uint64_t good = 0;
  std::uint64_t bad = 0;  ///< samples with a finding of a kind that is an error
  std::uint64_t images = 0;
  std::uint64_t images_decoded = 0;
  std::uint64_t image_bytes = 0;
  NamedCounts formats;
  NamedCounts modes;            ///< of the images that can be decoded
  NamedCounts image_problems;   ///< why images cannot be decoded
  NamedCounts record_problems;  ///< why records cannot be read
  Distribution widths;
  Distribution heights;
  Distribution shorter_sides;
  Distribution aspects;  ///< aspect_thousandths
  std::uint64_t texts = 0;
  std::uint64_t text_bytes = 0;
  Distribution tokens;  ///< of captions that are not empty, with their beginning and end
  std::uint64_t tokens_lost = 0;
  std::uint64_t conversations = 0;
  std::uint64_t turns = 0;
  std::uint64_t placeholders = 0;
  SkippedRecords skipped;
  Findings findings;
  SpotDraw spot;

  void merge(CheckTallies&& other);
};

}  // namespace millrace::cli
