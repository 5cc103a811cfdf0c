#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "millrace/formats/packed/decompressor.h"

namespace millrace {

namespace {

class ArchiveDecompressor final : public Decompressor {
 public:
  ArchiveDecompressor(std::string_view compression, Input input)
      : compression_(compression), input_(std::move(input)), archive_(::archive_read_new()) {}
  ~ArchiveDecompressor() override { ::archive_read_free(archive_); }

  /// False: libarchive would run a program, or cannot.
  bool supports(int filter) {
    filter_ = filter;
    return archive_ != nullptr &&
           ::archive_read_support_filter_by_code(archive_, filter) == ARCHIVE_OK &&
           ::archive_read_support_format_raw(archive_) == ARCHIVE_OK &&
           ::archive_read_support_format_empty(archive_) == ARCHIVE_OK;
  }

  Result<std::size_t> read(std::span<std::uint8_t> room) override {
    if (error_) return tl::unexpected<Error>(*error_);
    if (!opened_) {
      opened_ = true;
      archive_entry* entry = nullptr;
      const int opened = ::archive_read_open(archive_, this, nullptr, give_piece, nullptr);
      const int begun =
          opened == ARCHIVE_OK ? ::archive_read_next_header(archive_, &entry) : opened;
      if (begun == ARCHIVE_EOF) ended_ = true;
      // What libarchive does not recognise it gives as it is.
      const bool recognised = ::archive_filter_code(archive_, 0) == filter_;
      if ((begun != ARCHIVE_OK && !ended_) || !recognised) return fail_now();
    }
    if (ended_) return std::size_t{0};
    const la_ssize_t count = ::archive_read_data(archive_, room.data(), room.size());
    if (count < 0) return fail_now();
    ended_ = count == 0;
    return static_cast<std::size_t>(count);
  }

  std::uint64_t packed_bytes() const override { return packed_bytes_; }

 private:
  static la_ssize_t give_piece(archive* archive, void* self, const void** buffer) {
    auto& decompressor = *static_cast<ArchiveDecompressor*>(self);
    auto piece = decompressor.input_();
    if (!piece) {
      decompressor.error_ = std::move(piece.error());
      ::archive_set_error(archive, EIO, "the input failed");
      return -1;
    }
    *buffer = piece->data();
    decompressor.packed_bytes_ += piece->size();
    return static_cast<la_ssize_t>(piece->size());
  }

  tl::unexpected<Error> fail_now() {
    if (!error_) {
      const char* why = ::archive_error_string(archive_);
      const bool no_memory = ::archive_errno(archive_) == ENOMEM;
      error_ =
          Error{no_memory ? Reason::io_error : Reason::damaged_shard,
                std::string(compression_) + ": " + (why == nullptr ? "the data is damaged" : why) +
                    ", before byte " + std::to_string(packed_bytes_) + " of the compressed data",
                {},
                Error::kNoOffset,
                {}};
    }
    return tl::unexpected<Error>(*error_);
  }

  std::string_view compression_;
  Input input_;
  archive* archive_;
  int filter_ = ARCHIVE_FILTER_NONE;
  std::uint64_t packed_bytes_ = 0;
  bool opened_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> archive_decompressor(std::string_view compression,
                                                           Decompressor::Input input) {
  const int filter = compression == "lz4"        ? ARCHIVE_FILTER_LZ4
                     : compression == "lzip"     ? ARCHIVE_FILTER_LZIP
                     : compression == "compress" ? ARCHIVE_FILTER_COMPRESS
                                                 : ARCHIVE_FILTER_NONE;
  auto made = std::make_unique<ArchiveDecompressor>(compression, std::move(input));
  if (filter == ARCHIVE_FILTER_NONE || !made->supports(filter)) {
    return fail(Reason::io_error, "compression with " + std::string(compression) +
                                      " is not read; decompress it first");
  }
  return made;
}

}  // namespace millrace
