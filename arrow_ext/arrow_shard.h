#pragma once

#include <memory>
#include <string>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace::arrow_ext {

/// An Arrow IPC file or stream. Opening reads the messages' headers; the columns stay in the file,
/// unless they are compressed: then those that are needed are unpacked here, within the limits.
///
/// A place where record batches cannot be read is one row that is an error, for at least one was
/// lost there: how many is not known. A file whose footer is broken is read as the stream that lies
/// before it. A stream that ends between two messages, without the mark of its end, is whole, as it
/// is for Arrow. Errors: damaged_shard where the schema cannot be read.
Result<std::shared_ptr<const Shard>> arrow_shard(const std::string& path,
                                                 std::shared_ptr<const ByteSource> file,
                                                 const ReadOptions& options);

}  // namespace millrace::arrow_ext
