#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "check/fingerprints.h"
#include "millrace/result/result.h"

namespace millrace::cli {

/// What `millrace check` looks for. The order is that of reports: the worst first.
enum class FindingKind : std::uint8_t {
  unreadable_shard,
  damaged_shard,
  unreadable_record,
  unreadable_image,
  missing_image,
  missing_caption,
  empty_caption,
  invalid_utf8,
  placeholder_mismatch,
  bad_conversation,
  duplicate_key,
  incomplete_shard,
  duplicate_image,
  near_duplicate_image,
  duplicate_caption,
  long_caption,
  mojibake,
  replacement_character,
  control_character,
  markup,
  small_image,
  extreme_aspect,
  flat_image,
  not_rgb,
  rotated_image,
  animated_image,
};
inline constexpr std::size_t kFindingKinds = 26;

enum class Severity : std::uint8_t {
  error,    ///< samples are lost, or a pair is wrong
  warning,  ///< training goes on, and may be worse
};
/// "error", "warning".
std::string_view severity_name(Severity severity);

struct FindingInfo {
  std::string_view name;  ///< as in JSON and --fail-on
  Severity severity;
  std::string_view counted;  ///< what the number counts: "samples without an image"
  std::string_view advice;   ///< what to do
};
const FindingInfo& info_of(FindingKind kind);

/// One thing found, as an example.
struct Finding {
  static constexpr std::uint64_t kNoIndex = std::numeric_limits<std::uint64_t>::max();

  FindingKind kind = FindingKind::unreadable_shard;
  SamplePlace place{0, kNoIndex};  ///< of the shard alone where there is no index
  std::uint64_t offset = Error::kNoOffset;
  OffsetUnit unit = OffsetUnit::byte;
  std::string key;
  std::string message;
  std::string text;                  ///< the caption, cut to kMostTextBytes
  std::vector<SamplePlace> members;  ///< of a group of duplicates, `place` the first of them
  std::uint64_t group_size = 0;

  static constexpr std::size_t kMostTextBytes = 400;
};

/// The first `most` bytes of a text, or a character less.
std::string_view cut_text(std::string_view text, std::size_t most);

/// Findings counted by kind; of each kind those first in the order of the shards are kept, whoever
/// found them. For one thread.
class Findings {
 public:
  explicit Findings(std::size_t kept = 0) : kept_(kept) {}

  /// Whether a finding at this place would be kept, so that its words are worth making.
  bool wants(FindingKind kind, SamplePlace place) const;
  void add(Finding finding);
  /// Without an example.
  void count(FindingKind kind, std::uint64_t number = 1);
  /// As an example, without counting; of groups the largest are kept.
  void keep(Finding finding);
  void merge(Findings&& other);

  std::uint64_t count_of(FindingKind kind) const { return counts_[index(kind)]; }
  std::span<const Finding> examples_of(FindingKind kind) const { return examples_[index(kind)]; }

 private:
  static std::size_t index(FindingKind kind) { return static_cast<std::size_t>(kind); }

  std::size_t kept_;
  std::array<std::uint64_t, kFindingKinds> counts_{};
  std::array<std::vector<Finding>, kFindingKinds> examples_;
};

}  // namespace millrace::cli
