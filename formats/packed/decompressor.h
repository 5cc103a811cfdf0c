#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "millrace/formats/read_options.h"
#include "millrace/result/result.h"

namespace millrace {

/// Unpacks one run of compressed bytes, all its members (frames, streams) one after another.
/// Checksums are checked. Not thread-safe.
class Decompressor {
 public:
  /// Gives the next piece of the packed bytes, valid until it is asked again; an empty one is the
  /// end.
  using Input = std::function<Result<std::span<const std::uint8_t>>()>;

  virtual ~Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Fills the beginning of `room` (at least 1 byte); 0: the end. Asks for input only as long as it
  /// has nothing to give. What could be unpacked before an error is given before it.
  /// Errors, without a place: damaged_shard saying what is wrong at which packed byte; io_error if
  /// memory is short; those of the input.
  virtual Result<std::size_t> read(std::span<std::uint8_t> room) = 0;

  /// How many of the packed bytes are used up.
  virtual std::uint64_t packed_bytes() const = 0;
  /// Whether the last error was that the input ended too early.
  virtual bool is_cut() const { return false; }

 protected:
  Decompressor() = default;
};

/// `compression` is a name as `compression_of` gives it. Windows and dictionaries may take what
/// `limits.max_unpacked_bytes` says, between 128 MiB and 2 GiB. Errors: io_error for one that is
/// not read, or if memory is short.
Result<std::unique_ptr<Decompressor>> make_decompressor(std::string_view compression,
                                                        Decompressor::Input input,
                                                        const ReadLimits& limits);

/// The rarer ones, read by libarchive: lz4, lzip, compress. It does not notice everything: bytes
/// behind the end of the data are passed over, and `compress` has no checksum.
Result<std::unique_ptr<Decompressor>> archive_decompressor(std::string_view compression,
                                                           Decompressor::Input input);

}  // namespace millrace
