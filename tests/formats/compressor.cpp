#include "compressor.h"

#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>

#include <array>
#include <map>
#include <stdexcept>

namespace millrace::test {

namespace {

void require(bool condition, archive* archive) {
  if (!condition) throw std::runtime_error(::archive_error_string(archive));
}

la_ssize_t append(archive*, void* text, const void* bytes, std::size_t count) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

// libarchive's frames have no checksum.
std::string zstd_frame(std::string_view bytes) {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string frame(::ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ::ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size());
  ::ZSTD_freeCCtx(context);
  if (::ZSTD_isError(size) != 0) throw std::runtime_error(::ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

}  // namespace

const std::vector<std::string>& compressions() {
  static const std::vector<std::string> names = {"gzip", "bzip2", "xz",      "zstd",
                                                 "lz4",  "lzip",  "compress"};
  return names;
}

const std::vector<std::string>& checked_compressions() {
  static const std::vector<std::string> names = {"gzip", "bzip2", "xz", "zstd"};
  return names;
}

std::string compressed(const std::string& compression, std::string_view bytes) {
  if (compression == "zstd") return zstd_frame(bytes);
  static const std::map<std::string, int> filters = {
      {"gzip", ARCHIVE_FILTER_GZIP}, {"bzip2", ARCHIVE_FILTER_BZIP2},
      {"xz", ARCHIVE_FILTER_XZ},     {"lz4", ARCHIVE_FILTER_LZ4},
      {"lzip", ARCHIVE_FILTER_LZIP}, {"compress", ARCHIVE_FILTER_COMPRESS}};
  std::string text;
  archive* writer = ::archive_write_new();
  require(::archive_write_add_filter(writer, filters.at(compression)) == ARCHIVE_OK, writer);
  require(::archive_write_set_format_raw(writer) == ARCHIVE_OK, writer);
  ::archive_write_set_bytes_per_block(writer, 0);
  require(::archive_write_open(writer, &text, nullptr, append, nullptr) == ARCHIVE_OK, writer);
  archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_filetype(entry, AE_IFREG);
  require(::archive_write_header(writer, entry) == ARCHIVE_OK, writer);
  require(::archive_write_data(writer, bytes.data(), bytes.size()) ==
              static_cast<la_ssize_t>(bytes.size()),
          writer);
  ::archive_entry_free(entry);
  require(::archive_write_close(writer) == ARCHIVE_OK, writer);
  ::archive_write_free(writer);
  return text;
}

std::vector<std::uint8_t> decompressed(const std::string& path) {
  std::vector<std::uint8_t> bytes;
  archive* reader = ::archive_read_new();
  ::archive_read_support_filter_all(reader);
  ::archive_read_support_format_raw(reader);
  require(::archive_read_open_filename(reader, path.c_str(), 4096) == ARCHIVE_OK, reader);
  archive_entry* entry = nullptr;
  require(::archive_read_next_header(reader, &entry) == ARCHIVE_OK, reader);
  std::array<std::uint8_t, 4096> piece;
  la_ssize_t count = 0;
  while ((count = ::archive_read_data(reader, piece.data(), piece.size())) > 0) {
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + count);
  }
  require(count == 0, reader);
  ::archive_read_free(reader);
  return bytes;
}

}  // namespace millrace::test
