#include "millrace/formats/byte_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace millrace {

void ByteSource::will_need(std::uint64_t /*begin_bytes*/, std::uint64_t /*end_bytes*/) const {}
void ByteSource::done_with(std::uint64_t /*begin_bytes*/, std::uint64_t /*end_bytes*/) const {}

namespace {

tl::unexpected<Error> io_failure(const std::string& path, const std::string& message) {
  Error error{Reason::io_error, message, path, Error::kNoOffset, {}};
  return tl::unexpected<Error>(std::move(error));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

class MappedFile final : public ByteSource {
 public:
  MappedFile(std::string path, FileDescriptor file, void* data, std::size_t size)
      : path_(std::move(path)), file_(std::move(file)), data_(data), size_(size) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() override {
    if (size_ > 0) ::munmap(data_, size_);
  }

  std::string_view name() const override { return path_; }
  std::span<const std::uint8_t> bytes() const override {
    // An address even where there are no bytes: libraries copy from it, and be it nothing.
    static constexpr std::uint8_t kNone = 0;
    return {size_ > 0 ? static_cast<const std::uint8_t*>(data_) : &kNone, size_};
  }

  Result<void> check_unchanged() const override {
    struct stat now = {};
    if (::fstat(file_.number(), &now) != 0) return system_failure(path_, "cannot stat", errno);
    if (static_cast<std::uint64_t>(now.st_size) == size_) return {};
    return io_failure(path_, "the file changed its size from " + std::to_string(size_) + " to " +
                                 std::to_string(now.st_size) + " bytes while it was in use");
  }

  void will_need(std::uint64_t begin_bytes, std::uint64_t end_bytes) const override {
    advise(begin_bytes, end_bytes, MADV_WILLNEED);
  }
  // Rounded outward to the windows in which the kernel maps pages around a fault: it maps a
  // sample's neighbours with it, and what is left of them would stay resident for ever. What a
  // neighbour still needs comes back from the page cache at its next touch.
  void done_with(std::uint64_t begin_bytes, std::uint64_t end_bytes) const override {
    const auto base = reinterpret_cast<std::uintptr_t>(data_);
    const std::uintptr_t begin = (base + begin_bytes) / kFaultAroundBytes * kFaultAroundBytes;
    const std::uintptr_t end =
        (base + end_bytes + kFaultAroundBytes - 1) / kFaultAroundBytes * kFaultAroundBytes;
    advise(begin > base ? begin - base : 0, end - base, MADV_DONTNEED);
  }

 private:
  // Linux's default (debugfs fault_around_bytes).
  static constexpr std::uintptr_t kFaultAroundBytes = 64 * 1024;

  void advise(std::uint64_t begin_bytes, std::uint64_t end_bytes, int advice) const {
    static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t end = std::min<std::uint64_t>(end_bytes, size_);
    if (begin_bytes >= end) return;
    const std::uint64_t begin = begin_bytes - begin_bytes % page_bytes;
    // The kernel rounds the length up to whole pages. Advice may be refused without harm.
    ::madvise(static_cast<std::uint8_t*>(data_) + begin, end - begin, advice);
  }

  std::string path_;
  FileDescriptor file_;
  void* data_;
  std::size_t size_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::vector<std::uint8_t> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}
  std::string_view name() const override { return name_; }
  std::span<const std::uint8_t> bytes() const override { return bytes_; }

 private:
  std::string name_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

Result<std::shared_ptr<const ByteSource>> map_file(const std::string& path) {
  // O_NONBLOCK: opening a fifo must fail below, not wait for a writer.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) return system_failure(path, "cannot open", errno);
  struct stat status = {};
  if (::fstat(file.number(), &status) != 0) return system_failure(path, "cannot stat", errno);
  if (!S_ISREG(status.st_mode)) return io_failure(path, "cannot map: not a regular file");
  const auto length = static_cast<std::uint64_t>(status.st_size);
  if (length > std::numeric_limits<std::size_t>::max()) {
    return io_failure(path, "cannot map: larger than the address space");
  }
  const auto size = static_cast<std::size_t>(length);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
    if (data == MAP_FAILED) return system_failure(path, "cannot map", errno);
  }
  return std::make_shared<const MappedFile>(path, std::move(file), data, size);
}

std::shared_ptr<const ByteSource> memory_source(std::string name, std::vector<std::uint8_t> bytes) {
  return std::make_shared<const MemorySource>(std::move(name), std::move(bytes));
}

}  // namespace millrace
