#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"
#include "pack/pack_journal.h"
#include "source_shards.h"

namespace millrace::cli {

/// The files that a pack reads as wholes, in order: those of the sources (image folders have none),
/// then those of the image tars.
struct SourceFiles {
  std::vector<std::string> paths;
  std::uint64_t bytes = 0;  ///< of the sources
  std::string stamp;        ///< made of their paths, sizes and times of modification
};
/// Errors: io_error.
Result<SourceFiles> files_of(const SourceShards& sources, const ReadOptions& read);

/// What is noted of the files that one sample was read from besides its shard: of images that a row
/// names, of those in a folder. `was_read`: else something of them is missing.
NamedFiles named_files_of(SourcePlace place, bool was_read, bool from_tar, const Sample& sample);

/// The same of all samples before `end`, as the files are now: they are looked at, not read.
/// Errors: those of opening a source.
Result<NamedFiles> named_files_before(SourcePlace end, const SourceShards& sources,
                                      std::size_t threads);

}  // namespace millrace::cli
