#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/tar/tar_reader.h"
#include "millrace/result/result.h"

namespace millrace {

/// The members of many tars, found by name. Thread-safe. The tars are mapped and walked, headers
/// only, when the first member is asked for; a member costs 16 bytes from then on.
class ImageTars {
 public:
  ImageTars(std::vector<std::string> paths, const ReadLimits& limits)
      : paths_(std::move(paths)), limits_(limits) {}

  /// The bytes of the file `name`: in the mapped tar, or of a sparse one kept by the sample.
  /// `./` and `/` at the beginning of names do not count. A name that no member has is tried below
  /// the folder that all members of a tar lie in. Of several such members in one tar the last
  /// counts, as when it is extracted.
  /// Errors, without a place: missing_field (no such member); io_error (a tar cannot be opened or
  /// is compressed, the member is larger than the limit, several tars have it).
  Result<std::span<const std::uint8_t>> find(std::string_view name, Sample& sample) const;

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint64_t place;  // number of the tar and the block in it
  };
  struct Found {
    std::size_t tar = 0;
    tar::Member member;
  };

  Result<void> build() const;
  Result<void> walk(std::size_t number, std::vector<std::string>& tops) const;
  /// The member of that name; nothing if there is none.
  Result<std::optional<Found>> look_up(std::string_view top, std::string_view name) const;

  std::vector<std::string> paths_;
  ReadLimits limits_;

  // Written once, by build().
  mutable std::once_flag once_;
  mutable Result<void> built_;
  mutable std::vector<std::shared_ptr<const ByteSource>> tars_;
  mutable std::vector<Entry> entries_;     // by hash, then place
  mutable std::vector<std::string> tops_;  // `photos/`
  mutable std::string damage_;             // of the first tar that has some
};

}  // namespace millrace
