#pragma once

#include <cstdint>
#include <vector>

#include "millrace/formats/tar/tar_reader.h"
#include "millrace/result/result.h"

namespace millrace::tar {

/// Writes the whole file that a sparse member stands for into `out`, holes as zeros. Formats: old
/// GNU and GNU PAX 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files"). Errors
/// (damaged_shard): a map that is malformed, out of order, or does not fit the file or the payload;
/// more than `max_bytes`.
Result<void> expand_sparse(const Member& member, std::uint64_t max_bytes,
                           std::vector<std::uint8_t>& out);

}  // namespace millrace::tar
