#include "loader/unpacked_shards.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace millrace::test {

class UnpackedShards::Opened final : public Shard {
 public:
  Opened(std::shared_ptr<const Shard> shard, UnpackedShards& counts)
      : shard_(std::move(shard)), counts_(counts) {
    const std::lock_guard lock(counts_.mutex_);
    counts_.most_open_ = std::max(counts_.most_open_, ++counts_.open_);
  }
  ~Opened() override {
    const std::lock_guard lock(counts_.mutex_);
    --counts_.open_;
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  std::string_view name() const override { return shard_->name(); }
  Result<ShardIndex> index() const override { return shard_->index(); }
  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    return shard_->read(offset_bytes, sample);
  }
  const ByteSource& source() const override { return shard_->source(); }
  std::uint64_t unpacked_bytes() const override { return kShardBytes; }

 private:
  std::shared_ptr<const Shard> shard_;
  UnpackedShards& counts_;
};

ShardOpener UnpackedShards::opener() {
  return [this](const std::string& path) { return open(path); };
}

Result<std::shared_ptr<const Shard>> UnpackedShards::open(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    ++openings_[path];
    most_at_once_ = std::max(most_at_once_, ++going_on_[path]);
  }
  struct End {
    UnpackedShards& shards;
    const std::string& path;
    ~End() {
      const std::lock_guard lock(shards.mutex_);
      --shards.going_on_[path];
    }
  };
  const End end{*this, path};
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  if (fault) {
    if (auto faulty = fault(path); !faulty) return tl::unexpected<Error>(faulty.error());
  }
  auto shard = open_shard(path);
  if (!shard) return shard;
  return std::shared_ptr<const Shard>(std::make_shared<Opened>(std::move(*shard), *this));
}

void UnpackedShards::forget_counts() {
  const std::lock_guard lock(mutex_);
  openings_.clear();
  most_open_ = open_;
  most_at_once_ = 0;
}

std::map<std::string, std::uint64_t> UnpackedShards::openings() const {
  const std::lock_guard lock(mutex_);
  return openings_;
}

std::uint64_t UnpackedShards::most_openings_of_one() const {
  std::uint64_t most = 0;
  for (const auto& [path, count] : openings()) most = std::max(most, count);
  return most;
}

std::uint64_t UnpackedShards::most_open() const {
  const std::lock_guard lock(mutex_);
  return most_open_;
}

std::uint64_t UnpackedShards::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_at_once_;
}

}  // namespace millrace::test
