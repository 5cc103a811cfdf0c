#pragma once

#include <cstdint>
#include <memory>

#include "millrace/formats/byte_source.h"

namespace millrace::arrow_ext {

/// What the compressed buffers of all columns, batches and dictionaries of an IPC stream unpack to,
/// as their own lengths say; at most `most`, because a file may claim anything. 0 where none is
/// compressed: of an IPC buffer that did not shrink nothing is unpacked. A function of the file's
/// bytes alone; nothing is unpacked. The stream begins at `from`, as it does within a file of the
/// file format. A message that cannot be read counts as nothing.
///
/// Formats: Arrow's format/Message.fbs ("encapsulated messages", BodyCompression) and FlatBuffers'
/// internals (tables, vtables), every offset checked.
std::uint64_t unpacked_bytes_of_messages(const std::shared_ptr<const ByteSource>& file,
                                         std::int64_t from, std::uint64_t most);

}  // namespace millrace::arrow_ext
