#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"
#include "scratch_folder.h"

namespace millrace::test {

/// A small dataset of one format. In every one sample i has the image `specimen_image(i)` and,
/// first or alone, the caption `specimen_caption(i)`, where columns look for them without being
/// told.
struct Specimen {
  std::string format;
  /// What specs would name: a file or a folder.
  std::string path;
  ReadOptions options = {};
  std::size_t samples = 0;
  /// The file that may be cut; empty: there is none that is a shard of its own.
  std::string file;
  /// Whether a file that ends early may be a right one: text that stops at the end of a line, or
  /// within its last cell. `length` is what is left of `bytes`.
  std::function<bool(const std::string& bytes, std::size_t length)> may_end = {};
  /// Whether the last sample of such a file may say something else than in the whole file.
  bool last_may_differ = false;
};

std::string specimen_image(std::size_t i);
std::string specimen_caption(std::size_t i);

/// The formats that need no Arrow.
std::vector<std::string> specimen_formats();
/// A dataset of one of them, in `folder`, which must be empty.
Specimen make_specimen(const std::string& format, std::size_t samples, const ScratchFolder& folder);

}  // namespace millrace::test
