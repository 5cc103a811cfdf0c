#include "pack/pack_pipeline.h"

#include <condition_variable>
#include <exception>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "pack/source_files.h"

namespace millrace::cli {

namespace {

// How far ahead the system is asked to read.
constexpr std::size_t kEntriesAhead = 16;
constexpr std::size_t kSamplesPerThread = 4;

// Where the next sample is. Opens the shard after the current one meanwhile.
class SourceWalk {
 public:
  SourceWalk(const SourceShards& sources, SourcePlace begin) : sources_(sources), place_(begin) {
    open_soon(place_.shard);
  }

  struct Entry {
    SourcePlace place;
    std::shared_ptr<const OpenSource> source;
  };

  /// Nothing at the end.
  Result<std::optional<Entry>> next() {
    while (source_ == nullptr || place_.entry >= source_->offsets.size()) {
      if (source_ != nullptr) place_ = {place_.shard + 1, 0};
      source_.reset();
      if (place_.shard >= sources_.size()) return std::nullopt;
      auto opened = coming_.get();
      open_soon(place_.shard + 1);
      if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
      source_ = std::make_shared<const OpenSource>(std::move(*opened));
    }
    const auto& offsets = source_->offsets;
    const std::size_t ahead = place_.entry + kEntriesAhead;
    if (ahead + 1 < offsets.size()) source_->shard->will_need(offsets[ahead], offsets[ahead + 1]);
    return Entry{{place_.shard, place_.entry++}, source_};
  }

 private:
  void open_soon(std::size_t shard) {
    if (shard >= sources_.size()) return;
    coming_ = std::async(std::launch::async, [this, shard] { return sources_.open(shard); });
  }

  const SourceShards& sources_;
  SourcePlace place_;
  std::shared_ptr<const OpenSource> source_;
  std::future<Result<OpenSource>> coming_;
};

class Pipeline {
 public:
  Pipeline(const SourceShards& sources, SourcePlace begin, std::size_t threads)
      : walk_(sources, begin), slots_(threads * kSamplesPerThread + 2) {}

  void work(const PackedShape& shape) {
    try {
      SamplePacker packer(shape);
      while (make_next(packer)) {
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopped_ = true;
      changed_.notify_all();
    }
  }

  Result<void> take_all(const std::function<Result<void>(MadeSample&)>& take) {
    for (std::uint64_t number = 0;; ++number) {
      Slot& slot = slots_[number % slots_.size()];
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopped_ || slot.ready || number == end_; });
        if (failure_) std::rethrow_exception(failure_);
        if (!slot.ready) break;
      }
      if (auto taken = take(slot.made); !taken) return taken;
      slot.made.shard.reset();
      const std::lock_guard lock(mutex_);
      slot.ready = false;
      taken_ = number + 1;
      changed_.notify_all();
    }
    if (error_) return tl::unexpected<Error>(std::move(*error_));
    return {};
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  struct Slot {
    MadeSample made;
    bool ready = false;
  };

  // False at the end.
  bool make_next(SamplePacker& packer) {
    std::unique_lock walking(walk_mutex_);
    const std::uint64_t number = next_;
    if (walked_) return false;
    auto entry = walk_.next();
    if (!entry || !*entry) {
      walked_ = true;
      const std::lock_guard lock(mutex_);
      if (!entry) error_ = std::move(entry.error());
      end_ = number;
      changed_.notify_all();
      return false;
    }
    ++next_;
    walking.unlock();
    Slot& slot = slots_[number % slots_.size()];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || number < taken_ + slots_.size(); });
      if (stopped_) return false;
    }
    make(**entry, packer, slot.made);
    const std::lock_guard lock(mutex_);
    slot.ready = true;
    changed_.notify_all();
    return true;
  }

  static void make(const SourceWalk::Entry& entry, SamplePacker& packer, MadeSample& made) {
    made.place = entry.place;
    made.shard = entry.source->shard;
    made.error.reset();
    const std::uint64_t offset = entry.source->offsets[entry.place.entry];
    auto done = made.shard->read(offset, made.sample);
    made.named = named_files_of(entry.place, done.has_value(), entry.source->from_tar, made.sample);
    if (done) {
      done = packer.pack(made.sample, entry.source->from_tar, made.packed);
      if (!done) {
        done.error().offset_bytes = offset;
        done.error().unit = made.sample.offset_unit();
        done.error().key = made.sample.key();
      }
    }
    if (done) return;
    made.error = std::move(done.error());
    made.error->shard = made.shard->name();
  }

  std::mutex walk_mutex_;
  SourceWalk walk_;
  std::uint64_t next_ = 0;
  bool walked_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::uint64_t taken_ = 0;
  std::uint64_t end_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<Error> error_;
  std::exception_ptr failure_;
  bool stopped_ = false;
};

}  // namespace

Result<void> for_each_made_sample(const SourceShards& sources, SourcePlace begin,
                                  const PackedShape& shape, std::size_t threads,
                                  const std::function<Result<void>(MadeSample&)>& take) {
  Pipeline pipeline(sources, begin, threads);
  std::vector<std::jthread> workers;
  struct Stop {
    Pipeline& pipeline;
    ~Stop() { pipeline.stop(); }
  } const stop{pipeline};  // before the workers are joined
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&] { pipeline.work(shape); });
  }
  auto done = pipeline.take_all(take);
  return done;
}

}  // namespace millrace::cli
