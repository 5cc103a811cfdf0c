#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace millrace {

/// Why a sample or a shard could not be used. `reason_name` gives the stable text that ledgers and
/// messages show; add new reasons at the end.
enum class Reason : std::uint8_t {
  io_error,           ///< the operating system refused to open or read
  damaged_shard,      ///< the container's own structure is broken or cut short
  missing_field,      ///< the sample has none of the fields a column asks for
  bad_image,          ///< the bytes are no image, or a broken one
  unsupported_image,  ///< an image of a kind that is not decoded
  image_too_large,    ///< more pixels than the limit allows
  bad_text,           ///< empty
  bad_json,           ///< no valid JSON, or the path in it leads nowhere
  bad_number,         ///< not a number, or out of the column's range
  internal,           ///< a failure of millrace itself or of a library below it
  stale_index,        ///< a sample index says of a shard what is no longer true
};

inline constexpr std::size_t kReasonCount = 11;

/// `"damaged_shard"` for Reason::damaged_shard, and so on.
std::string_view reason_name(Reason reason);

/// What an offset in a shard counts.
enum class OffsetUnit : std::uint8_t {
  byte,
  row,  ///< of a table, or the number of a file in a folder; from 0
};

/// What went wrong and where. Whoever knows a part of the place adds it on the way up; a part that
/// does not apply stays empty.
struct Error {
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  Reason reason = Reason::internal;
  std::string message;  ///< one sentence without the place, e.g. "header checksum does not match"
  std::string shard;    ///< path of the shard
  std::uint64_t offset_bytes = kNoOffset;  ///< where in the shard the sample or the damage begins
  std::string key;                         ///< key of the sample
  OffsetUnit unit = OffsetUnit::byte;      ///< what `offset_bytes` counts

  /// One line: `data/x.tar at byte 1536, key "000001": bad_image: ...`.
  std::string to_string() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Reason reason, std::string message) {
  return tl::unexpected<Error>(Error{reason, std::move(message), {}, Error::kNoOffset, {}});
}

/// io_error at `path`: what could not be done, and why in the system's words; `number` is an errno.
tl::unexpected<Error> system_failure(std::string path, std::string_view what, int number);

}  // namespace millrace
