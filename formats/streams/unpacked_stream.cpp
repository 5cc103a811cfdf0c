#include "millrace/formats/streams/unpacked_stream.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/formats/packed/decompressor.h"
#include "millrace/formats/packed/unpack.h"

namespace millrace {

namespace {

constexpr std::size_t kStreamPieceBytes = std::size_t{256} << 10;
/// So many of the first bytes tell whether a stream is compressed.
constexpr std::size_t kHeadBytes = 512;

class UnpackedStream final : public ByteStream {
 public:
  UnpackedStream(std::unique_ptr<ByteStream> packed, const ReadLimits& limits,
                 const StopSignal& stop)
      : packed_(std::move(packed)), limits_(limits), stop_(stop) {}

  Result<std::size_t> read(std::span<std::uint8_t> room) override {
    begin();
    if (stop_.requested()) return std::size_t{0};
    if (refusal_) return tl::unexpected<Error>(*refusal_);
    if (decompressor_) return read_unpacked(room);
    if (head_.empty() && failure_) return tl::unexpected<Error>(*failure_);
    if (head_.empty()) return packed_->read(room);
    const std::size_t count = std::min(room.size(), head_.size());
    std::memcpy(room.data(), head_.data(), count);
    head_ = head_.subspan(count);
    return count;
  }

  Result<bool> seek(std::uint64_t offset_bytes) override {
    // Nothing to do, and nothing to wait for.
    if (offset_bytes == 0) return true;
    begin();
    if (refusal_) return tl::unexpected<Error>(*refusal_);
    if (decompressor_ || stop_.requested()) return false;
    auto sought = packed_->seek(offset_bytes);
    if (sought && *sought) head_ = {};
    return sought;
  }

  Result<void> check_end() override { return packed_->check_end(); }
  bool is_refused() const override { return refusal_.has_value(); }

 private:
  /// Looks at the first bytes. After a stop there may be fewer than there are.
  void begin() {
    if (begun_) return;
    buffer_.resize(kStreamPieceBytes);
    std::size_t count = 0;
    while (count < kHeadBytes && !stop_.requested()) {
      const auto more = packed_->read(std::span(buffer_).subspan(count));
      if (!more) {
        // What came before the failure is given first; reading on gives it again.
        failure_ = more.error();
        break;
      }
      if (*more == 0) break;
      count += *more;
    }
    if (stop_.requested()) return;
    begun_ = true;
    head_ = std::span<const std::uint8_t>(buffer_).first(count);
    const std::string_view compression = compression_of(head_);
    if (compression.empty()) return;
    auto made = make_decompressor(
        compression, [this] { return next_piece(); }, limits_);
    if (!made) {
      refusal_ = std::move(made.error());
      return;
    }
    decompressor_ = std::move(*made);
  }

  Result<std::span<const std::uint8_t>> next_piece() {
    if (!head_.empty()) return std::exchange(head_, {});
    if (failure_) return tl::unexpected<Error>(*failure_);
    const auto count = packed_->read(buffer_);
    if (!count) return tl::unexpected<Error>(count.error());
    return std::span<const std::uint8_t>(buffer_).first(*count);
  }

  Result<std::size_t> read_unpacked(std::span<std::uint8_t> room) {
    auto count = decompressor_->read(room);
    if (stop_.requested()) return std::size_t{0};
    if (!count) {
      // A download that failed is the reason of what it did not bring.
      if (decompressor_->is_cut()) {
        if (auto meant = packed_->check_end(); !meant) {
          return tl::unexpected<Error>(std::move(meant.error()));
        }
      }
      return count;
    }
    made_bytes_ += *count;
    const std::uint64_t most = most_unpacked(decompressor_->packed_bytes(), limits_);
    if (made_bytes_ > most) return tl::unexpected<Error>(beyond_limit(most, limits_, true));
    return count;
  }

  std::unique_ptr<ByteStream> packed_;
  ReadLimits limits_;
  const StopSignal& stop_;
  std::vector<std::uint8_t> buffer_;
  bool begun_ = false;
  std::span<const std::uint8_t> head_;  // the first bytes, until they are given
  std::optional<Error> failure_;        // of reading on behind them
  std::optional<Error> refusal_;        // why there is no decompressor
  std::unique_ptr<Decompressor> decompressor_;
  std::uint64_t made_bytes_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> unpacked_stream(std::unique_ptr<ByteStream> packed,
                                            const ReadLimits& limits, const StopSignal& stop) {
  return std::make_unique<UnpackedStream>(std::move(packed), limits, stop);
}

}  // namespace millrace
