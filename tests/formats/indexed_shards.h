#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/index/index_making.h"
#include "millrace/formats/index/shard_catalog.h"
#include "scratch_folder.h"

namespace millrace::test {

/// A tar of samples `PREFIX0 ..` with a jpg of some bytes and a JSON of their `width` (100 + n).
std::vector<std::uint8_t> made_tar(const std::string& prefix, std::size_t samples);

/// Writes bytes as a file of a scratch folder, as old as `seconds_ago`; returns the path.
std::string write_shard(const ScratchFolder& folder, const std::string& name,
                        const std::vector<std::uint8_t>& bytes, int seconds_ago = 100);

/// Sets a file's modification time.
void set_age(const std::string& path, int seconds_ago);

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes);

/// The offsets that a catalog gives; must be no error.
std::vector<std::uint64_t> offsets_of(const ShardCatalog& catalog, std::size_t shard);
/// Those of the shard's own walk.
std::vector<std::uint64_t> walked_offsets(const std::string& path);

/// Nothing is kept but what lies beside the shards.
CatalogOptions without_cache();

IndexMaking making_of(const std::vector<std::string>& sources);
/// Makes the indexes; must be no error.
IndexSummary indexed(const IndexMaking& making);
/// Why a catalog gives no offsets for that shard; it must give none.
Error offsets_error(const ShardCatalog& catalog, std::size_t shard);

}  // namespace millrace::test
