#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// A shard that is one text, in which offsets are bytes: what the readers of such share.
class TextShard : public Shard {
 public:
  std::string_view name() const override { return source_->name(); }
  const ByteSource& source() const override { return *source_; }
  /// Checks that the file is what it was, and asks `find_samples`.
  Result<ShardIndex> index() const final;
  /// Checks that the file is what it was, and asks `read_sample`.
  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const final;

 protected:
  explicit TextShard(std::shared_ptr<const ByteSource> source);

  virtual void find_samples(ShardIndex& index) const = 0;
  virtual Result<void> read_sample(std::uint64_t offset_bytes, Sample& sample) const = 0;

  std::string_view text() const { return text_; }
  /// An error of this shard.
  tl::unexpected<Error> failure(Reason reason, std::uint64_t offset, std::string what,
                                std::string_view key = {}) const;

 private:
  std::shared_ptr<const ByteSource> source_;
  std::string_view text_;
};

}  // namespace millrace
