#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/loader/loader.h"
#include "scratch_folder.h"

namespace millrace::test {

/// Tars of samples that are only a JSON document.
class JsonShards {
 public:
  /// One shard of each list of documents.
  explicit JsonShards(const std::vector<std::vector<std::string>>& documents);

  /// With the raw column "caption", in order, in batches of 8.
  LoaderOptions options(const Captions& captions, const std::string& fields = "json:texts") const;

 private:
  ScratchFolder folder_;
  std::size_t keys_ = 0;
  std::vector<std::string> paths_;
};

/// The column "caption" to the end of the epoch.
std::vector<std::string> captions_of(Loader& loader);
std::vector<std::string> captions_of(const LoaderOptions& options);

inline Captions choosing(CaptionChoice choice) {
  Captions captions;
  captions.choice = choice;
  return captions;
}

}  // namespace millrace::test
