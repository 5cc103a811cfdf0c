#include "millrace/formats/packed/decompressor.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <utility>

#include "millrace/formats/packed/member_decompressor.h"

namespace millrace {

// gzip, bzip2, xz and zstd are read by their own libraries: libarchive does not check gzip's
// checksum, stops in silence where one of them is followed by something else, and does not say at
// which byte a file is damaged.

namespace {

using Bytes = std::span<const std::uint8_t>;
using Room = std::span<std::uint8_t>;

std::uint64_t window_bytes(const ReadLimits& limits) {
  return std::clamp<std::uint64_t>(limits.max_unpacked_bytes, std::uint64_t{128} << 20,
                                   std::uint64_t{2} << 30);
}

/// The libraries' counts have 32 bits.
unsigned clamped(std::size_t bytes) {
  return static_cast<unsigned>(std::min<std::size_t>(bytes, std::size_t{1} << 30));
}

class Gzip final : public MemberDecompressor {
 public:
  explicit Gzip(Input input) : MemberDecompressor("gzip", std::move(input)) {}
  ~Gzip() override {
    if (open_) ::inflateEnd(&stream_);
  }

 private:
  bool begins_with(std::uint8_t byte) const override { return byte == 0x1f; }

  bool begin_member() override {
    if (open_) return ::inflateReset(&stream_) == Z_OK;
    constexpr int kGzipOnly = 16;
    open_ = ::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK;
    return open_;
  }

  Step step(Bytes packed, Room room) override {
    stream_.next_in = const_cast<Bytef*>(packed.data());
    stream_.avail_in = clamped(packed.size());
    stream_.next_out = room.data();
    stream_.avail_out = clamped(room.size());
    const unsigned in = stream_.avail_in;
    const unsigned out = stream_.avail_out;
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    Step done;
    done.taken = in - stream_.avail_in;
    done.made = out - stream_.avail_out;
    if (code == Z_STREAM_END) done.outcome = Step::Outcome::member_end;
    if (code == Z_MEM_ERROR) done.outcome = Step::Outcome::no_memory;
    if (code == Z_DATA_ERROR || code == Z_STREAM_ERROR || code == Z_NEED_DICT) {
      done.outcome = Step::Outcome::damage;
      done.why = stream_.msg == nullptr ? "the data is damaged" : stream_.msg;
    }
    return done;
  }

  z_stream stream_{};
  bool open_ = false;
};

class Bzip2 final : public MemberDecompressor {
 public:
  explicit Bzip2(Input input) : MemberDecompressor("bzip2", std::move(input)) {}
  ~Bzip2() override { close(); }

 private:
  bool begins_with(std::uint8_t byte) const override { return byte == 'B'; }

  bool begin_member() override {
    close();
    stream_ = {};
    open_ = ::BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
    return open_;
  }

  Step step(Bytes packed, Room room) override {
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(packed.data()));
    stream_.avail_in = clamped(packed.size());
    stream_.next_out = reinterpret_cast<char*>(room.data());
    stream_.avail_out = clamped(room.size());
    const unsigned in = stream_.avail_in;
    const unsigned out = stream_.avail_out;
    const int code = ::BZ2_bzDecompress(&stream_);
    Step done;
    done.taken = in - stream_.avail_in;
    done.made = out - stream_.avail_out;
    if (code == BZ_OK) return done;
    done.outcome = code == BZ_STREAM_END  ? Step::Outcome::member_end
                   : code == BZ_MEM_ERROR ? Step::Outcome::no_memory
                                          : Step::Outcome::damage;
    done.why = code == BZ_DATA_ERROR_MAGIC ? "the header is damaged"
                                           : "the data is damaged or its checksum is wrong";
    return done;
  }

  void close() {
    if (open_) ::BZ2_bzDecompressEnd(&stream_);
    open_ = false;
  }

  bz_stream stream_{};
  bool open_ = false;
};

class Xz final : public MemberDecompressor {
 public:
  Xz(Input input, std::uint64_t window)
      : MemberDecompressor("xz", std::move(input)), most_memory_(window + kMemoryBesidesWindow) {}
  ~Xz() override { ::lzma_end(&stream_); }

 private:
  static constexpr std::uint64_t kMemoryBesidesWindow = std::uint64_t{16} << 20;

  bool begins_with(std::uint8_t byte) const override { return byte == 0xfd; }

  bool begin_member() override {
    return ::lzma_stream_decoder(&stream_, most_memory_, LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK;
  }

  Step step(Bytes packed, Room room) override {
    stream_.next_in = packed.data();
    stream_.avail_in = packed.size();
    stream_.next_out = room.data();
    stream_.avail_out = room.size();
    const lzma_ret code = ::lzma_code(&stream_, LZMA_RUN);
    Step done;
    done.taken = packed.size() - stream_.avail_in;
    done.made = room.size() - stream_.avail_out;
    if (code == LZMA_OK || code == LZMA_BUF_ERROR) return done;
    done.outcome = code == LZMA_STREAM_END  ? Step::Outcome::member_end
                   : code == LZMA_MEM_ERROR ? Step::Outcome::no_memory
                                            : Step::Outcome::damage;
    switch (code) {
      case LZMA_FORMAT_ERROR:
        done.why = "the header is damaged";
        break;
      case LZMA_OPTIONS_ERROR:
        done.why = "the header asks for what liblzma does not know";
        break;
      case LZMA_UNSUPPORTED_CHECK:
        done.why = "its kind of checksum is not known";
        break;
      case LZMA_MEMLIMIT_ERROR:
        done.why = "its dictionary is larger than max_unpacked_bytes or 2 GiB";
        break;
      default:
        done.why = "the data is damaged or its checksum is wrong";
    }
    return done;
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::uint64_t most_memory_;
};

class Zstd final : public MemberDecompressor {
 public:
  Zstd(Input input, std::uint64_t window)
      : MemberDecompressor("zstd", std::move(input)),
        context_(::ZSTD_createDCtx()),
        window_log_(static_cast<int>(std::bit_width(window)) - 1) {}
  ~Zstd() override { ::ZSTD_freeDCtx(context_); }

 private:
  /// Less than libzstd would need to unpack a whole frame at once.
  static constexpr std::size_t kCarefulBytes = std::size_t{64} << 10;

  // A frame, or one to be skipped.
  bool begins_with(std::uint8_t byte) const override {
    return byte == 0x28 || (byte & 0xf0) == 0x50;
  }

  bool begin_member() override {
    if (context_ == nullptr) return false;
    ::ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log_);
    fresh_ = true;
    careful_ = false;
    return true;
  }

  Step step(Bytes packed, Room room) override {
    if (careful_) room = room.first(std::min(room.size(), kCarefulBytes));
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t code = ::ZSTD_decompressStream(context_, &out, &in);
    if (::ZSTD_isError(code) != 0 && fresh_ && !careful_) {
      // A frame that was unpacked at once, because there is room for all of it, gives nothing of
      // what is good before the damage.
      if (!begin_member()) return {Step::Outcome::no_memory, 0, 0, {}};
      careful_ = true;
      return step(packed, room);
    }
    fresh_ = false;
    Step done{Step::Outcome::going, in.pos, out.pos, {}};
    if (::ZSTD_isError(code) != 0) {
      const ZSTD_ErrorCode error = ::ZSTD_getErrorCode(code);
      done.outcome =
          error == ZSTD_error_memory_allocation ? Step::Outcome::no_memory : Step::Outcome::damage;
      done.why = ::ZSTD_getErrorString(error);
    } else if (code == 0) {
      done.outcome = Step::Outcome::member_end;
    }
    return done;
  }

  ZSTD_DCtx* context_;
  int window_log_;
  bool fresh_ = true;  // nothing of the frame was unpacked yet
  bool careful_ = false;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> make_decompressor(std::string_view compression,
                                                        Decompressor::Input input,
                                                        const ReadLimits& limits) {
  std::unique_ptr<Decompressor> made;
  if (compression == "gzip") {
    made = std::make_unique<Gzip>(std::move(input));
  } else if (compression == "bzip2") {
    made = std::make_unique<Bzip2>(std::move(input));
  } else if (compression == "xz") {
    made = std::make_unique<Xz>(std::move(input), window_bytes(limits));
  } else if (compression == "zstd") {
    made = std::make_unique<Zstd>(std::move(input), window_bytes(limits));
  } else {
    return archive_decompressor(compression, std::move(input));
  }
  return made;
}

}  // namespace millrace
