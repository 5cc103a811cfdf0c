#pragma once

#include <memory>

#include "millrace/formats/read_options.h"
#include "millrace/formats/streams/byte_stream.h"

namespace millrace {

/// `packed` as it is, or unpacked where its first bytes say that it is compressed (see
/// `compression_of`). Memory: 256 KiB and what the compression's window takes, see
/// `make_decompressor`. Offsets are those of the unpacked bytes; an unpacked stream cannot seek.
///
/// Errors of `read`, once all that could be unpacked is given: damaged_shard where the compressed
/// data is damaged, goes on unpacking beyond `limits.max_unpack_ratio`, or is cut; where it is cut
/// because `packed` failed, what `packed.check_end` says. At once, and also of `seek`, those of
/// `make_decompressor`, for a compression that is not read: then the stream `is_refused`.
std::unique_ptr<ByteStream> unpacked_stream(std::unique_ptr<ByteStream> packed,
                                            const ReadLimits& limits, const StopSignal& stop);

}  // namespace millrace
