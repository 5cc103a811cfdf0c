#include "millrace/formats/tar/tar_block.h"

#include <string>
#include <utility>

#include "millrace/formats/tar/sample_grouper.h"

namespace millrace {

namespace {

class TarBlockShard final : public Shard {
 public:
  TarBlockShard(TarBlock block, const ReadLimits& limits)
      : block_(std::move(block)), limits_(limits) {}

  std::string_view name() const override { return block_.source->name(); }
  const ByteSource& source() const override { return *block_.source; }
  Result<ShardIndex> index() const override { return block_.index; }

  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    for (const Error& error : block_.errors) {
      if (error.offset_bytes == offset_bytes) return tl::unexpected<Error>(error);
    }
    // A block ends where a sample does, so that its end says as much as the header behind it.
    const tar::Archive archive(block_.source->bytes(), block_.begin_bytes, true);
    if (offset_bytes >= archive.begin_bytes && offset_bytes <= archive.end_bytes() &&
        (offset_bytes - archive.begin_bytes) % tar::kBlockBytes == 0) {
      SampleGrouper grouper(name(), archive, offset_bytes, limits_,
                            SampleGrouper::Payloads::expanded);
      const SampleGrouper::Outcome outcome = grouper.next(sample);
      if (outcome == SampleGrouper::Outcome::sample) return {};
      if (outcome == SampleGrouper::Outcome::error) return tl::unexpected<Error>(grouper.error());
    }
    return tl::unexpected<Error>(Error{Reason::internal,
                                       "no sample begins here: the offset is not of the index",
                                       std::string(name()),
                                       offset_bytes,
                                       {}});
  }

 private:
  TarBlock block_;
  ReadLimits limits_;
};

}  // namespace

std::shared_ptr<const Shard> tar_block_shard(TarBlock block, const ReadLimits& limits) {
  return std::make_shared<const TarBlockShard>(std::move(block), limits);
}

}  // namespace millrace
