#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::jpeg {

/// Bytes that may be read, and those that unstuff may write, behind the end of its output.
inline constexpr std::size_t kScanPaddingBytes = 512;

/// Copies entropy-coded data without the zero bytes that follow an FF, and without restart markers,
/// up to the end-of-image marker. `ends` gets, for each of the intervals between restart markers,
/// where it ends in `out`, which holds scan.size() + kScanPaddingBytes bytes and is padded with
/// zeros. False if there are more or fewer intervals than `ends` holds, a restart marker is out of
/// turn, another marker than end-of-image follows, or none.
bool unstuff(std::span<const std::uint8_t> scan, std::uint8_t* out, std::span<std::size_t> ends);

}  // namespace millrace::jpeg
