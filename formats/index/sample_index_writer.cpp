#include "millrace/formats/index/sample_index_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace millrace {

namespace {

Result<void> write_all(int file, std::uint64_t position, std::span<const std::uint8_t> bytes,
                       const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_failure(path, "cannot write", written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    position += static_cast<std::uint64_t>(written);
  }
  return {};
}

// Whether `path` still names the open file: another process may have renamed it meanwhile.
bool is_named(int file, const std::string& path) {
  struct stat opened = {};
  struct stat named = {};
  return ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

SampleIndexWriter::SampleIndexWriter(std::string path, int file)
    : path_(std::move(path)), partial_path_(path_ + ".partial"), file_(file) {}

SampleIndexWriter::~SampleIndexWriter() { ::close(file_); }

Result<std::unique_ptr<SampleIndexWriter>> SampleIndexWriter::open(const std::string& path,
                                                                   Interrupted interrupted) {
  const std::string partial = path + ".partial";
  while (true) {
    const int file = ::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return system_failure(partial, "cannot write", errno);
    std::unique_ptr<SampleIndexWriter> writer(new SampleIndexWriter(path, file));
    if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return system_failure(partial, "another process is making this index", EWOULDBLOCK);
    }
    if (!is_named(file, partial)) continue;
    if (auto taken_up = writer->take_up(interrupted); !taken_up) {
      return tl::unexpected<Error>(std::move(taken_up.error()));
    }
    return writer;
  }
}

Result<void> SampleIndexWriter::take_up(Interrupted interrupted) {
  if (interrupted == Interrupted::take_up) {
    auto mapped = map_file(partial_path_);
    if (!mapped) return tl::unexpected<Error>(std::move(mapped.error()));
    WholeBlocks whole = whole_blocks((*mapped)->bytes());
    end_bytes_ = whole.end_bytes;
    for (const IndexBlock& block : whole.blocks) {
      const auto position = block.bytes().data() - (*mapped)->bytes().data();
      layout_.add_block(static_cast<std::uint64_t>(position), block);
    }
    taken_up_ = std::move(whole.blocks);
    interrupted_ = std::move(*mapped);
  }
  if (::ftruncate(file_, static_cast<off_t>(end_bytes_)) != 0) {
    return system_failure(partial_path_, "cannot cut", errno);
  }
  return end_bytes_ == 0 ? append(IndexLayout::header()) : Result<void>{};
}

Result<void> SampleIndexWriter::append(std::span<const std::uint8_t> bytes) {
  if (auto written = write_all(file_, end_bytes_, bytes, partial_path_); !written) return written;
  end_bytes_ += bytes.size();
  return {};
}

Result<std::size_t> SampleIndexWriter::add(const IndexBlock& block) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t position = end_bytes_;
  if (auto written = append(block.bytes()); !written) {
    return tl::unexpected<Error>(std::move(written.error()));
  }
  return layout_.add_block(position, block);
}

Result<void> SampleIndexWriter::finish(std::span<const std::size_t> shards) {
  const std::lock_guard lock(mutex_);
  for (const std::size_t block : shards) layout_.add_shard(block);
  if (auto written = append(layout_.end(end_bytes_)); !written) return written;
  if (::fdatasync(file_) != 0) return system_failure(partial_path_, "cannot write", errno);
  if (std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    return system_failure(path_, "cannot rename " + partial_path_ + " to it", errno);
  }
  return {};
}

Result<void> write_index(const std::string& path, std::span<const IndexBlock> blocks) {
  std::string own_path = path + ".XXXXXX";
  const int file = ::mkostemp(own_path.data(), O_CLOEXEC);
  if (file < 0) return system_failure(path, "cannot write", errno);
  // A cache folder may be shared; it holds nothing that its shards do not show.
  (void)::fchmod(file, 0644);
  IndexLayout layout;
  std::uint64_t end_bytes = 0;
  const auto append = [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    auto written = write_all(file, end_bytes, bytes, own_path);
    end_bytes += bytes.size();
    return written;
  };
  Result<void> done = append(IndexLayout::header());
  for (std::size_t i = 0; done && i < blocks.size(); ++i) {
    layout.add_shard(layout.add_block(end_bytes, blocks[i]));
    done = append(blocks[i].bytes());
  }
  if (done) done = append(layout.end(end_bytes));
  ::close(file);
  if (done && std::rename(own_path.c_str(), path.c_str()) != 0) {
    done = system_failure(path, "cannot rename " + own_path + " to it", errno);
  }
  if (!done) ::unlink(own_path.c_str());
  return done;
}

}  // namespace millrace
