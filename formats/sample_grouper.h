#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "millrace/formats/member_name.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tar_reader.h"

namespace millrace {

/// Groups the members of a tar shard into samples: consecutive members of one key, as webdataset
/// does. Members that are passed over do not split a sample. A repeated extension begins a new
/// sample (open_clip's rule; LAION's shards need it). Not thread-safe; cheap to make.
class SampleGrouper {
 public:
  enum class Outcome : std::uint8_t {
    sample,
    error,  ///< `error()` says what was lost; its offset is where the lost sample begins
    end,
  };
  enum class Payloads : std::uint8_t {
    untouched,  ///< for an index: sparse members are not expanded
    expanded,
  };

  /// `archive` and `shard` must outlive the samples. `offset_bytes` must be that of a header.
  SampleGrouper(std::string_view shard, tar::Bytes archive, std::uint64_t offset_bytes,
                const ReadLimits& limits, Payloads payloads)
      : shard_(shard),
        archive_(archive),
        reader_(archive, offset_bytes),
        limits_(limits),
        payloads_(payloads) {}

  Outcome next(Sample& sample);
  const Error& error() const { return error_; }
  const SkippedRecords& skipped() const { return skipped_; }

 private:
  void step();
  bool is_skipped();
  bool has_field(const Sample& sample, std::string_view extension) const;
  /// Whether the member at hand continues the sample.
  bool continues(const Sample& sample) const;
  Result<void> add(Sample& sample);
  Outcome damage(bool in_sample, const Sample& sample);
  Outcome lose(std::uint64_t offset_bytes, std::string_view key, Error error);

  std::string_view shard_;
  tar::Bytes archive_;
  tar::Reader reader_;
  ReadLimits limits_;
  Payloads payloads_;
  tar::Member member_;
  MemberName name_;
  tar::Event event_ = tar::Event::member;
  bool pending_ = false;  // the member at hand was not part of the sample before
  bool finished_ = false;
  struct LessBlindToCase {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };
  // The extensions of a sample that has very many, where looking through all would be quadratic.
  std::set<std::string, LessBlindToCase> extensions_;
  Error error_;
  SkippedRecords skipped_;
};

}  // namespace millrace
