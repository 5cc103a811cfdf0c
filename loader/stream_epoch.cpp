#include "millrace/loader/stream_epoch.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "millrace/formats/streams/byte_stream.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/permutation.h"

namespace millrace {

namespace {

// A place in a block, in the order of delivery.
struct Slot {
  BlockReader::Block block;
  std::uint64_t place = 0;
  std::uint64_t position = 0;  // global
  bool is_padded = false;
};

// Which entry of its block the place holds.
std::uint64_t entry_at(const BlockReader::Numbered& block, std::uint64_t place, bool shuffle,
                       std::uint64_t key) {
  if (!shuffle) return place;
  return Permutation(block.samples(), mix(key, block.blocks_before))(place);
}

class StreamBatch final : public BatchSamples {
 public:
  StreamBatch(std::vector<Slot> slots, bool shuffle, std::uint64_t key, ResumePoint after)
      : slots_(std::move(slots)), shuffle_(shuffle), key_(key), after_(after) {}

  std::size_t size() const override { return slots_.size(); }
  std::uint64_t position(std::size_t slot) const override { return slots_[slot].position; }
  bool is_padded(std::size_t slot) const override { return slots_[slot].is_padded; }
  SampleRef at(std::size_t slot) const override {
    return ref(*slots_[slot].block, slots_[slot].place);
  }
  // Going round in the block.
  SampleRef substitute(std::size_t slot, std::uint64_t attempt) const override {
    const BlockReader::Numbered& block = *slots_[slot].block;
    return ref(block, (slots_[slot].place + attempt) % block.samples());
  }
  std::uint64_t substitutes(std::size_t slot) const override {
    return slots_[slot].block->samples() - 1;
  }

  Result<void> read(const SampleRef& ref, std::shared_ptr<const Shard>& shard,
                    Sample& sample) const override {
    const BlockReader::Numbered& block = block_of(ref);
    shard = block.block.shard;
    const std::uint64_t entry = ref.id.index - block.samples_before;
    return shard->read(block.block.index.sample_offsets[entry], sample);
  }
  void done_with(const Shard& /*shard*/, const Sample& /*sample*/) const override {}
  std::uint64_t will_need(const SampleRef& /*ref*/) const override { return 0; }
  ResumePoint after() const override { return after_; }

 private:
  // Samples are numbered through the epoch, as they stand in the streams.
  SampleRef ref(const BlockReader::Numbered& block, std::uint64_t place) const {
    return {0, {block.block.stream, block.samples_before + entry_at(block, place, shuffle_, key_)}};
  }
  // A batch lies in a few blocks, mostly in one.
  const BlockReader::Numbered& block_of(const SampleRef& ref) const {
    const auto holds = [&](const Slot& slot) {
      return ref.id.index >= slot.block->samples_before && ref.id.index < slot.block->end();
    };
    return *std::find_if(slots_.begin(), slots_.end(), holds)->block;
  }

  std::vector<Slot> slots_;
  bool shuffle_;
  std::uint64_t key_;
  ResumePoint after_;
};

class StreamSamples final : public EpochSamples {
 public:
  StreamSamples(BlockReader& reader, const LoaderOptions& options, std::uint64_t epoch,
                const ResumePoint& point)
      : reader_(reader),
        options_(options),
        key_(mix(options.seed, epoch)),
        begin_(point),
        position_(point.position) {
    reader_.begin_at(point.in_stream.value_or(ResumePoint::InStream{}));
  }

  Next next(std::unique_ptr<const BatchSamples>& batch, const Deadline& deadline) override {
    const std::uint64_t wanted = options_.batch_size * options_.world_size;
    while (!ended_ && (blocks_.empty() || blocks_.back()->end() < position_ + wanted)) {
      BlockReader::Block block;
      switch (reader_.next(block, deadline)) {
        case Next::not_yet:
          return Next::not_yet;
        case Next::end:
          ended_ = true;
          break;
        case Next::batch:
          take(std::move(block));
          break;
      }
    }
    if (blocks_.empty()) refuse_empty();
    if (blocks_.back()->end() < begin_.position) refuse_shorter();
    const std::uint64_t samples = samples_of_batch();
    if (samples == 0) return Next::end;
    std::vector<Slot> slots;
    slots.reserve(samples);
    for (std::uint64_t i = 0; i < samples; ++i) {
      slots.push_back(slot_at(position_ + i * options_.world_size + options_.rank));
    }
    position_ = std::min(position_ + wanted, blocks_.back()->end());
    drop_delivered();
    batch = std::make_unique<StreamBatch>(std::move(slots), options_.shuffle, key_, point());
    return Next::batch;
  }

  std::optional<std::uint64_t> expected() const override { return std::nullopt; }

  std::vector<SampleRef> dropped() const override {
    std::vector<SampleRef> dropped;
    if (blocks_.empty()) return dropped;
    for (std::uint64_t at = position_ + options_.rank; at < blocks_.back()->end();
         at += options_.world_size) {
      const Slot slot = slot_at(at);
      const std::uint64_t entry = entry_at(*slot.block, slot.place, options_.shuffle, key_);
      dropped.push_back({0, {slot.block->block.stream, slot.block->samples_before + entry}});
    }
    return dropped;
  }

  ResumePoint begin() const override { return begin_; }

 private:
  void take(BlockReader::Block block) {
    // Whatever lies before a resumed position has been delivered; an empty block holds nothing.
    if (block->samples() == 0) return;
    blocks_.push_back(std::move(block));
    drop_delivered();
  }

  // The last block stays: it is where a resume begins, and where padding comes from.
  void drop_delivered() {
    while (blocks_.size() > 1 && blocks_.front()->end() <= position_) blocks_.pop_front();
  }

  // This rank's part of the next batch; the same on every rank.
  std::uint64_t samples_of_batch() const {
    const std::uint64_t end = blocks_.back()->end();
    const std::uint64_t left = end > position_ ? end - position_ : 0;
    const std::uint64_t whole = left / options_.world_size;
    if (whole >= options_.batch_size) return options_.batch_size;
    if (options_.drop_last) return 0;
    return whole + (left % options_.world_size > 0 ? 1 : 0);
  }

  Slot slot_at(std::uint64_t position) const {
    const BlockReader::Block& last = blocks_.back();
    if (position >= last->end()) {
      return {last, (position - last->end()) % last->samples(), position, true};
    }
    const auto holds = [&](const BlockReader::Block& block) { return position < block->end(); };
    const BlockReader::Block& block = *std::find_if(blocks_.begin(), blocks_.end(), holds);
    return {block, position - block->samples_before, position, false};
  }

  ResumePoint point() const {
    const BlockReader::Numbered& block = *blocks_.front();
    return {position_, ResumePoint::InStream{block.block.stream, block.block.begin_bytes,
                                             block.samples_before, block.blocks_before}};
  }

  [[noreturn]] void refuse_empty() const {
    const std::string which = reader_.streams() > 0 ? reader_.name(0) : "";
    throw LoaderError({Reason::missing_field,
                       "no samples came out of the stream(s); standard input and pipes give one "
                       "epoch only",
                       which,
                       Error::kNoOffset,
                       {}});
  }

  [[noreturn]] void refuse_shorter() const {
    throw LoaderError({Reason::io_error,
                       "the stream(s) end after " + std::to_string(blocks_.back()->end()) +
                           " samples of the epoch, and the state says that " +
                           std::to_string(begin_.position) + " have been delivered",
                       reader_.name(blocks_.back()->block.stream),
                       Error::kNoOffset,
                       {}});
  }

  BlockReader& reader_;
  const LoaderOptions& options_;
  std::uint64_t key_;
  ResumePoint begin_;
  std::uint64_t position_;
  std::deque<BlockReader::Block> blocks_;  // from the one that holds position_ on
  bool ended_ = false;
};

}  // namespace

BlockReader::BlockReader(std::vector<std::string> specs, const ShardStreamOptions& options,
                         const Limits& limits)
    : specs_(std::move(specs)), options_(options), limits_(limits) {
  auto opened = ShardStream::open(specs_, options_);
  if (!opened) throw LoaderError(std::move(opened.error()));
  stream_ = std::move(*opened);
}

BlockReader::~BlockReader() { stop(); }

void BlockReader::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  stream_->request_stop();
  thread_.join();
}

void BlockReader::begin_at(const ResumePoint::InStream& point) {
  stop();
  ready_.clear();
  error_.reset();
  begin_ = point;
  if (!read_before_) return;
  auto opened = ShardStream::open(specs_, options_);
  if (!opened) throw LoaderError(std::move(opened.error()));
  stream_ = std::move(*opened);
}

void BlockReader::start() {
  const bool from_input =
      std::find(specs_.begin(), specs_.end(), ByteStream::kStandardInput) != specs_.end();
  if (read_before_ && from_input) {
    throw LoaderError({Reason::io_error,
                       "standard input cannot be read a second time; what was read ahead of it is "
                       "lost to a new epoch",
                       std::string(ByteStream::kStandardInput),
                       Error::kNoOffset,
                       {}});
  }
  read_before_ = true;
  thread_ = std::jthread([this](const std::stop_token& stopped) {
    try {
      read(stopped);
    } catch (const std::exception& failure) {
      const std::lock_guard lock(mutex_);
      error_ = Error{Reason::internal,
                     std::string("the stream's reader failed: ") + failure.what(),
                     {},
                     Error::kNoOffset,
                     {}};
      changed_.notify_all();
    }
  });
}

void BlockReader::read(const std::stop_token& stopped) {
  const auto failed = [this](Error error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
    changed_.notify_all();
  };
  if (begin_.stream > 0 || begin_.offset_bytes > 0) {
    if (begin_.stream >= stream_->streams()) {
      failed({Reason::io_error,
              "the state is of more streams than there are",
              {},
              Error::kNoOffset,
              {}});
      return;
    }
    if (auto skipped = stream_->skip_to(begin_.stream, begin_.offset_bytes); !skipped) {
      failed(std::move(skipped.error()));
      return;
    }
  }
  std::uint64_t samples = begin_.samples_before;
  std::uint64_t blocks = begin_.blocks_before;
  while (!stopped.stop_requested()) {
    auto block = std::make_shared<Numbered>();
    auto outcome = stream_->next_block(limits_.samples, limits_.bytes, block->block);
    if (!outcome) {
      failed(std::move(outcome.error()));
      return;
    }
    if (*outcome == ShardStream::Outcome::stopped) return;
    if (*outcome == ShardStream::Outcome::end) {
      push(nullptr, stopped);
      return;
    }
    block->samples_before = samples;
    block->blocks_before = blocks++;
    samples = block->end();
    if (!push(std::move(block), stopped)) return;
  }
}

bool BlockReader::push(Block block, const std::stop_token& stopped) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stopped, [&] { return ready_.size() < kReadAhead; })) return false;
  ready_.push_back(std::move(block));
  changed_.notify_all();
  return true;
}

EpochSamples::Next BlockReader::next(Block& block, const EpochSamples::Deadline& deadline) {
  if (!thread_.joinable()) start();
  std::unique_lock lock(mutex_);
  const auto any = [&] { return !ready_.empty() || error_; };
  if (!deadline) {
    changed_.wait(lock, any);
  } else if (!changed_.wait_until(lock, *deadline, any)) {
    return EpochSamples::Next::not_yet;
  }
  if (ready_.empty()) throw LoaderError(*error_);
  block = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return block == nullptr ? EpochSamples::Next::end : EpochSamples::Next::batch;
}

std::unique_ptr<EpochSamples> stream_samples(BlockReader& reader, const LoaderOptions& options,
                                             std::uint64_t epoch, const ResumePoint& point) {
  return std::make_unique<StreamSamples>(reader, options, epoch, point);
}

}  // namespace millrace
