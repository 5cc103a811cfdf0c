#include <utility>

#include "millrace/formats/shard.h"
#include "millrace/formats/tar/sample_grouper.h"

namespace millrace {

namespace {

class TarShard final : public Shard {
 public:
  TarShard(std::shared_ptr<const ByteSource> bytes, const ReadLimits& limits)
      : source_(std::move(bytes)), limits_(limits) {}

  std::string_view name() const override { return source_->name(); }
  const ByteSource& source() const override { return *source_; }

  Result<ShardIndex> index() const override {
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      return tl::unexpected<Error>(std::move(unchanged.error()));
    }
    SampleGrouper grouper = grouper_at(0, SampleGrouper::Payloads::untouched);
    ShardIndex index;
    Sample sample;
    while (true) {
      switch (grouper.next(sample)) {
        case SampleGrouper::Outcome::sample:
          index.sample_offsets.push_back(sample.begin_bytes());
          break;
        case SampleGrouper::Outcome::error:
          index.sample_offsets.push_back(grouper.error().offset_bytes);
          ++index.damaged;
          break;
        case SampleGrouper::Outcome::more:  // only of a stream
        case SampleGrouper::Outcome::end:
          index.skipped = grouper.skipped();
          return index;
      }
    }
  }

  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    if (auto unchanged = source_->check_unchanged(); !unchanged) {
      Error error = std::move(unchanged.error());
      error.offset_bytes = offset_bytes;
      return tl::unexpected<Error>(std::move(error));
    }
    if (offset_bytes <= source_->bytes().size() && offset_bytes % tar::kBlockBytes == 0) {
      SampleGrouper grouper = grouper_at(offset_bytes, SampleGrouper::Payloads::expanded);
      switch (grouper.next(sample)) {
        case SampleGrouper::Outcome::sample:
          return {};
        case SampleGrouper::Outcome::error:
          return tl::unexpected<Error>(grouper.error());
        case SampleGrouper::Outcome::more:  // only of a stream
        case SampleGrouper::Outcome::end:
          break;
      }
    }
    return tl::unexpected<Error>(Error{Reason::internal,
                                       "no sample begins here: the offset is not of the index",
                                       std::string(name()),
                                       offset_bytes,
                                       {}});
  }

 private:
  SampleGrouper grouper_at(std::uint64_t offset_bytes, SampleGrouper::Payloads payloads) const {
    return {source_->name(), source_->bytes(), offset_bytes, limits_, payloads};
  }

  std::shared_ptr<const ByteSource> source_;
  ReadLimits limits_;
};

}  // namespace

std::shared_ptr<const Shard> tar_shard(std::shared_ptr<const ByteSource> source,
                                       const ReadLimits& limits) {
  return std::make_shared<const TarShard>(std::move(source), limits);
}

}  // namespace millrace
