#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tar/member_name.h"
#include "millrace/formats/tar/tar_reader.h"

namespace millrace {

/// Groups the members of a tar shard into samples: consecutive members of one key, as webdataset
/// does. Members that are passed over do not split a sample. A repeated extension begins a new
/// sample (open_clip's rule; LAION's shards need it). Not thread-safe; cheap to make.
class SampleGrouper {
 public:
  enum class Outcome : std::uint8_t {
    sample,
    error,  ///< `error()` says what was lost; its offset is where the lost sample begins
    /// Of a whole archive: nothing was lost. Of one that comes as a stream: the end marker, at
    /// `position()`; nobody has looked at what follows it.
    end,
    more,  ///< of a stream: `needed()` bytes must be there to tell; `extend`, then ask again
  };
  enum class Payloads : std::uint8_t {
    untouched,  ///< for an index: sparse members are not expanded
    expanded,
  };

  static constexpr std::uint64_t kAnySize = std::numeric_limits<std::uint64_t>::max();

  /// `archive` and `shard` must outlive the samples. `offset_bytes` must be that of a header. An
  /// archive that does not end with its bytes comes as a stream; of it, a sample that needs more
  /// than `max_sample_bytes` in memory (from its beginning to the header that follows it) is an
  /// error, wherever the bytes at hand happen to end.
  SampleGrouper(std::string_view shard, tar::Archive archive, std::uint64_t offset_bytes,
                const ReadLimits& limits, Payloads payloads,
                std::uint64_t max_sample_bytes = kAnySize)
      : shard_(shard),
        archive_(archive),
        reader_(archive, offset_bytes),
        limits_(limits),
        payloads_(payloads),
        max_sample_bytes_(max_sample_bytes),
        streamed_(!archive.ends) {}

  /// After Outcome::more, `sample` must be the one given before.
  Outcome next(Sample& sample);
  const Error& error() const { return error_; }
  const SkippedRecords& skipped() const { return skipped_; }

  // Of a stream.
  /// More bytes of the same archive, from the same beginning. They may lie elsewhere: the fields of
  /// samples given before are valid no longer.
  void extend(tar::Archive archive);
  /// After Outcome::more: up to which position bytes must be there.
  std::uint64_t needed() const;
  /// After Outcome::sample: where the walk goes on, which is where the sample's bytes end, with the
  /// members that were passed over behind it. After Outcome::end: the end marker.
  std::uint64_t position() const { return member_.begin_bytes; }
  /// After Outcome::sample: whether the end marker follows it.
  bool at_end_marker() const { return event_ == tar::Event::end_marker; }
  /// After Outcome::error: behind the last byte that it hangs on; beyond the archive's end if it
  /// hangs on the archive ending there.
  std::uint64_t damage_reach() const;
  /// After Outcome::error: whether the sample was only too large.
  bool is_oversized() const { return oversized_; }

 private:
  void step();
  /// Whether the payload at hand is for the sample at hand, or for none, and so has to be there.
  bool needs_payload(const Sample& sample) const;
  bool is_too_large(const Sample& sample) const;
  Outcome too_large(const Sample& sample);
  bool is_skipped();
  bool has_field(const Sample& sample, std::string_view extension) const;
  /// Whether the member at hand continues the sample.
  bool continues(const Sample& sample) const;
  Result<void> add(Sample& sample);
  Outcome damage(const Sample& sample);
  Outcome end();
  void count_if_duplicate(const Sample& sample);
  Outcome lose(std::uint64_t offset_bytes, std::string_view key, Error error);

  std::string_view shard_;
  tar::Archive archive_;
  tar::Reader reader_;
  ReadLimits limits_;
  Payloads payloads_;
  std::uint64_t max_sample_bytes_;
  bool streamed_;
  tar::Member member_;
  MemberName name_;
  tar::Event event_ = tar::Event::member;
  bool pending_ = false;  // the member at hand was not part of the sample before
  bool in_sample_ = false;
  bool resumes_ = false;  // the last outcome was `more`
  bool finished_ = false;
  bool oversized_ = false;
  std::uint64_t entry_begin_bytes_ = 0;  // where the walk to this outcome began
  struct LessBlindToCase {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };
  // The extensions of a sample that has very many, where looking through all would be quadratic.
  std::set<std::string, LessBlindToCase> extensions_;
  Error error_;
  SkippedRecords skipped_;
};

/// The damage that bytes behind an end marker are, if they hold members.
Error end_marker_in_the_middle(std::uint64_t lost_bytes);

}  // namespace millrace
