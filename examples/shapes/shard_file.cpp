#include "shapes/shard_file.h"

#include <filesystem>
#include <stdexcept>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

namespace shapes {

struct ShardFile::Parts {
  std::string path;
  std::string temporary;
  archive* writer = archive_write_new();

  explicit Parts(std::string to) : path(std::move(to)), temporary(path + ".partial") {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    archive_write_free(writer);
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
  }

  void check(la_ssize_t status) const {
    if (status < ARCHIVE_OK) {
      throw std::runtime_error("cannot write " + temporary + ": " + archive_error_string(writer));
    }
  }
};

ShardFile::ShardFile(std::string path) : parts_(std::make_unique<Parts>(std::move(path))) {
  parts_->check(archive_write_set_format_ustar(parts_->writer));
  parts_->check(archive_write_open_filename(parts_->writer, parts_->temporary.c_str()));
}

ShardFile::~ShardFile() = default;

void ShardFile::add(const std::string& name, std::span<const std::uint8_t> data) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(data.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  parts_->check(archive_write_header(parts_->writer, entry.get()));
  parts_->check(archive_write_data(parts_->writer, data.data(), data.size()));
}

void ShardFile::add(const std::string& name, const std::string& text) {
  add(name, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void ShardFile::finish() {
  parts_->check(archive_write_close(parts_->writer));
  std::filesystem::rename(parts_->temporary, parts_->path);
}

}  // namespace shapes
