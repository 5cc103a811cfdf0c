#include "millrace/formats/streams/shard_stream.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "millrace/formats/streams/block_memory.h"
#include "millrace/formats/streams/byte_stream.h"
#include "millrace/formats/streams/stop_signal.h"
#include "millrace/formats/streams/unpacked_stream.h"
#include "millrace/formats/tar/sample_grouper.h"
#include "millrace/formats/tar/tar_block.h"

namespace millrace {

namespace {

/// At most so much is asked for at once: what a block does not take is copied to the next.
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

class BlockSource final : public ByteSource {
 public:
  BlockSource(std::string name, BlockMemory memory, std::size_t size,
              std::shared_ptr<BlockMemoryPool> pool, std::size_t keep_bytes)
      : name_(std::move(name)),
        memory_(std::move(memory)),
        size_(size),
        pool_(std::move(pool)),
        keep_bytes_(keep_bytes) {}
  BlockSource(const BlockSource&) = delete;
  ~BlockSource() override { pool_->give_back(std::move(memory_), keep_bytes_); }

  std::string_view name() const override { return name_; }
  std::span<const std::uint8_t> bytes() const override { return {memory_.data(), size_}; }

 private:
  std::string name_;
  BlockMemory memory_;
  std::size_t size_;
  std::shared_ptr<BlockMemoryPool> pool_;
  std::size_t keep_bytes_;
};

void require_positive(const char* option, std::uint64_t value) {
  if (value > 0) return;
  throw std::invalid_argument(std::string(option) + " must be at least 1, is 0");
}

}  // namespace

class ShardStream::Impl {
 public:
  Impl(std::vector<std::string> specs, const ShardStreamOptions& options)
      : specs_(std::move(specs)), options_(options) {}

  const std::vector<std::string>& specs() const { return specs_; }
  void request_stop() { stop_.request(); }
  Result<Outcome> next_block(std::uint64_t max_samples, std::uint64_t max_bytes,
                             StreamBlock& block);
  Result<void> skip_to(std::size_t stream, std::uint64_t offset_bytes);

 private:
  // What a walk over the bytes makes of a block.
  struct Walk {
    TarBlock block;
    std::uint64_t end = 0;  // where the block's bytes end
  };

  Result<void> open_stream(std::size_t stream);
  Error located(Error error, std::uint64_t offset_bytes) const;
  tl::unexpected<Error> give_up(Error error);
  tar::Archive archive() const { return {{memory_.data(), filled_}, begin_bytes_, at_end_}; }
  std::uint64_t end_bytes() const { return begin_bytes_ + filled_; }

  void read_some();
  bool fetch(std::uint64_t end_bytes);
  bool walk(std::uint64_t max_samples, std::uint64_t max_bytes, Walk& walk);
  bool pass_end_marker(std::uint64_t position);
  bool check_end();
  void add_end_errors(std::uint64_t max_samples, Walk& walk);
  void hand_over(Walk walk, std::uint64_t max_bytes, StreamBlock& block);

  std::vector<std::string> specs_;
  ShardStreamOptions options_;
  StopSignal stop_;
  std::shared_ptr<BlockMemoryPool> pool_ = std::make_shared<BlockMemoryPool>();
  bool standard_input_used_ = false;
  std::size_t next_stream_ = 0;
  Sample sample_;  // only its key, its fields' names and its place are used

  // The open stream.
  std::unique_ptr<ByteStream> input_;
  std::size_t stream_ = 0;
  BlockMemory memory_;
  std::size_t filled_ = 0;
  std::uint64_t begin_bytes_ = 0;  // of the memory in the stream, and of the next block
  bool at_end_ = false;            // there are no more bytes to come
  std::optional<Error> read_error_;
  // Nothing is left but these damaged places, which no bytes belong to.
  bool walked_ = false;
  std::vector<Error> end_errors_;
  std::uint64_t stream_end_bytes_ = 0;  // where reading ended, once walked
};

Error ShardStream::Impl::located(Error error, std::uint64_t offset_bytes) const {
  error.shard = specs_[stream_];
  error.offset_bytes = offset_bytes;
  return error;
}

tl::unexpected<Error> ShardStream::Impl::give_up(Error error) {
  input_.reset();
  return tl::unexpected<Error>(located(std::move(error), Error::kNoOffset));
}

Result<void> ShardStream::Impl::open_stream(std::size_t stream) {
  input_.reset();
  stream_ = stream;
  next_stream_ = stream + 1;
  filled_ = 0;
  begin_bytes_ = 0;
  at_end_ = false;
  read_error_.reset();
  walked_ = false;
  end_errors_.clear();
  const std::string& spec = specs_[stream];
  if (spec == ByteStream::kStandardInput && std::exchange(standard_input_used_, true)) {
    return give_up({Reason::io_error, "standard input cannot be read a second time", {}, 0, {}});
  }
  auto input = open_byte_stream(spec, stop_);
  if (!input) return give_up(std::move(input.error()));
  input_ = unpacked_stream(std::move(*input), options_.limits, stop_);
  return {};
}

// A failure of the system ends the stream: what came before it is as good as ever.
void ShardStream::Impl::read_some() {
  if (filled_ == memory_.capacity()) memory_.grow(filled_ + 1);
  const std::size_t room = std::min(memory_.capacity() - filled_, kReadBytes);
  const auto count = input_->read({memory_.data() + filled_, room});
  if (!count) read_error_ = count.error();
  if (count && *count > 0) {
    filled_ += *count;
  } else if (!stop_.requested()) {
    at_end_ = true;
  }
}

/// Reads until the bytes up to `end_bytes` are there, or the stream ends. False after a stop.
bool ShardStream::Impl::fetch(std::uint64_t end) {
  while (end_bytes() < end && !at_end_ && !stop_.requested()) read_some();
  return !stop_.requested();
}

/// Looks through all that follows the end marker at `position`, which begins the memory's last
/// bytes.
bool ShardStream::Impl::pass_end_marker(std::uint64_t position) {
  const std::size_t marker = position - begin_bytes_;
  const std::uint64_t begin = position + tar::kBlockBytes;
  if (!fetch(begin)) return false;
  // The memory from the marker on is used again and again: only its size is bounded.
  std::uint64_t passed = std::min<std::uint64_t>(begin, end_bytes());
  std::size_t at = passed - begin_bytes_;
  bool lost = false;
  while (true) {
    const std::size_t whole = (filled_ - at) / tar::kBlockBytes * tar::kBlockBytes;
    lost = lost || tar::holds_header({memory_.data() + at, whole});
    passed += whole;
    const std::size_t rest = filled_ - at - whole;
    std::memmove(memory_.data() + marker, memory_.data() + at + whole, rest);
    at = marker;
    filled_ = marker + rest;
    if (at_end_) break;
    read_some();
    if (stop_.requested()) return false;
  }
  stream_end_bytes_ = passed + (filled_ - marker);
  if (lost) {
    end_errors_.push_back(located(end_marker_in_the_middle(stream_end_bytes_ - begin), position));
  }
  return check_end();
}

/// Asks why the stream ended. False after a stop.
bool ShardStream::Impl::check_end() {
  Result<void> meant = read_error_ ? tl::unexpected<Error>(*read_error_) : input_->check_end();
  if (stop_.requested()) return false;
  if (!meant) end_errors_.push_back(located(std::move(meant.error()), stream_end_bytes_));
  return true;
}

/// Finds the samples of the next block. False after a stop.
bool ShardStream::Impl::walk(std::uint64_t max_samples, std::uint64_t max_bytes, Walk& walk) {
  using Outcome = SampleGrouper::Outcome;
  SampleGrouper grouper(specs_[stream_], {{memory_.data(), filled_}, begin_bytes_, false},
                        begin_bytes_, options_.limits, SampleGrouper::Payloads::untouched,
                        options_.max_sample_bytes);
  if (at_end_) grouper.extend(archive());
  ShardIndex& index = walk.block.index;
  walk.end = begin_bytes_;
  while (true) {
    if (stop_.requested()) return false;
    index.skipped = grouper.skipped();
    const bool full = index.sample_offsets.size() >= max_samples;
    if (full && !grouper.at_end_marker()) return true;
    Outcome outcome = grouper.next(sample_);
    while (outcome == Outcome::more) {
      if (!fetch(grouper.needed())) return false;
      grouper.extend(archive());
      outcome = grouper.next(sample_);
    }
    if (outcome == Outcome::end) {
      walked_ = true;
      index.skipped = grouper.skipped();
      walk.end = grouper.position();
      return pass_end_marker(grouper.position());
    }
    std::uint64_t begin = sample_.begin_bytes();
    std::uint64_t end = grouper.position();
    if (outcome == Outcome::error) {
      begin = grouper.error().offset_bytes;
      end = grouper.is_oversized() ? begin : std::min(grouper.damage_reach(), end_bytes());
    }
    if (!index.sample_offsets.empty() && end - begin_bytes_ > max_bytes) return true;
    index.sample_offsets.push_back(begin);
    walk.end = end;
    if (outcome == Outcome::sample) continue;

    index.skipped = grouper.skipped();
    ++index.damaged;
    walked_ = true;
    stream_end_bytes_ = end;
    if (grouper.is_oversized()) walk.block.errors.push_back(grouper.error());
    // Damage that hangs on the stream's end may be the fault of what ended it.
    if (grouper.is_oversized() || grouper.damage_reach() <= end_bytes()) return true;
    if (!check_end()) return false;
    if (!end_errors_.empty() && end_errors_.front().offset_bytes == begin) {
      walk.block.errors.swap(end_errors_);
    }
    return true;
  }
}

void ShardStream::Impl::add_end_errors(std::uint64_t max_samples, Walk& walk) {
  ShardIndex& index = walk.block.index;
  while (!end_errors_.empty() && index.sample_offsets.size() < max_samples) {
    index.sample_offsets.push_back(end_errors_.front().offset_bytes);
    ++index.damaged;
    walk.block.errors.push_back(std::move(end_errors_.front()));
    end_errors_.erase(end_errors_.begin());
  }
}

void ShardStream::Impl::hand_over(Walk walk, std::uint64_t max_bytes, StreamBlock& block) {
  const std::size_t used = walk.end - begin_bytes_;
  const bool is_last = walked_ && end_errors_.empty();
  // Some of the damaged places behind the samples are in this block: the next one begins behind
  // them.
  const bool splits_errors = walked_ && !is_last && !walk.block.errors.empty();
  const std::uint64_t next_begin = splits_errors ? end_errors_.front().offset_bytes : walk.end;
  BlockMemory next;
  if (!walked_) {
    next = pool_->take();
    filled_ -= used;
    next.grow(std::max<std::size_t>(filled_, 1));
    std::memcpy(next.data(), memory_.data() + used, filled_);
  }
  const std::size_t keep_bytes = std::max<std::uint64_t>(max_bytes, 4 * kReadBytes);
  walk.block.begin_bytes = begin_bytes_;
  walk.block.source = std::make_shared<const BlockSource>(
      specs_[stream_], std::move(memory_), used, pool_,
      keep_bytes > ~std::size_t{0} / 2 ? keep_bytes : 2 * keep_bytes);
  memory_ = std::move(next);

  block.index = walk.block.index;
  block.stream = stream_;
  block.begin_bytes = begin_bytes_;
  block.end_bytes = is_last ? stream_end_bytes_ : next_begin;
  block.is_last_of_stream = is_last;
  block.shard = tar_block_shard(std::move(walk.block), options_.limits);
  begin_bytes_ = next_begin;
  if (is_last) input_.reset();
}

Result<ShardStream::Outcome> ShardStream::Impl::next_block(std::uint64_t max_samples,
                                                           std::uint64_t max_bytes,
                                                           StreamBlock& block) {
  require_positive("max_samples", max_samples);
  require_positive("max_bytes", max_bytes);
  if (stop_.requested()) return Outcome::stopped;
  if (!input_) {
    if (next_stream_ == specs_.size()) return Outcome::end;
    if (auto opened = open_stream(next_stream_); !opened) {
      return tl::unexpected<Error>(std::move(opened.error()));
    }
  }
  if (memory_.capacity() == 0) {
    memory_ = pool_->take();
    memory_.grow(1);
  }
  Walk walk;
  walk.end = begin_bytes_;
  if (!walked_) {
    if (begin_bytes_ == 0) {
      if (!fetch(tar::kBlockBytes)) return Outcome::stopped;
      if (input_->is_refused()) return give_up(std::move(*read_error_));
    }
    if (!this->walk(max_samples, max_bytes, walk)) return Outcome::stopped;
  } else {
    filled_ = 0;
  }
  add_end_errors(max_samples, walk);
  hand_over(std::move(walk), max_bytes, block);
  return Outcome::block;
}

Result<void> ShardStream::Impl::skip_to(std::size_t stream, std::uint64_t offset_bytes) {
  if (stream >= specs_.size()) {
    throw std::invalid_argument("stream must be below " + std::to_string(specs_.size()) + ", is " +
                                std::to_string(stream));
  }
  if (auto opened = open_stream(stream); !opened) return opened;
  const auto sought = input_->seek(offset_bytes);
  if (!sought) return give_up(sought.error());
  if (!*sought) {
    if (memory_.capacity() == 0) memory_ = pool_->take();
    memory_.grow(kReadBytes);
    std::uint64_t position = 0;
    while (position < offset_bytes) {
      const std::size_t room = std::min<std::uint64_t>(offset_bytes - position, kReadBytes);
      const auto count = input_->read({memory_.data(), room});
      if (stop_.requested()) return {};
      if (!count) return give_up(count.error());
      if (*count == 0) {
        return give_up({Reason::io_error,
                        "the stream ends at byte " + std::to_string(position) + ", before byte " +
                            std::to_string(offset_bytes) + ", where reading was to go on",
                        {},
                        0,
                        {}});
      }
      position += *count;
    }
  }
  begin_bytes_ = offset_bytes;
  return {};
}

ShardStream::ShardStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ShardStream::~ShardStream() = default;

Result<std::unique_ptr<ShardStream>> ShardStream::open(std::vector<std::string> specs,
                                                       const ShardStreamOptions& options) {
  require_positive("max_sample_bytes", options.max_sample_bytes);
  bool standard_input = false;
  for (const std::string& spec : specs) {
    const auto refuse = [&](std::string message) {
      return tl::unexpected<Error>(
          Error{Reason::io_error, std::move(message), spec, Error::kNoOffset, {}});
    };
    if (spec.starts_with(ByteStream::kCommandPrefix) && !options.allow_commands) {
      return refuse("pipe: would run a command, which is refused unless allow_commands is set");
    }
    if (spec == ByteStream::kStandardInput && std::exchange(standard_input, true)) {
      return refuse("standard input is given twice");
    }
  }
  return std::unique_ptr<ShardStream>(
      new ShardStream(std::make_unique<Impl>(std::move(specs), options)));
}

std::size_t ShardStream::streams() const { return impl_->specs().size(); }
std::string_view ShardStream::name(std::size_t stream) const { return impl_->specs().at(stream); }

Result<ShardStream::Outcome> ShardStream::next_block(std::uint64_t max_samples,
                                                     std::uint64_t max_bytes, StreamBlock& block) {
  return impl_->next_block(max_samples, max_bytes, block);
}

Result<void> ShardStream::skip_to(std::size_t stream, std::uint64_t offset_bytes) {
  return impl_->skip_to(stream, offset_bytes);
}

void ShardStream::request_stop() { impl_->request_stop(); }

}  // namespace millrace
