#include "millrace/formats/images/rooted_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(SYS_openat2) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define MILLRACE_HAS_OPENAT2 1
#else
#define MILLRACE_HAS_OPENAT2 0
#endif

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

namespace millrace {

namespace {

namespace fs = std::filesystem;

// O_NONBLOCK: a fifo must be refused, not waited for.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kStepFlags = O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  void reset(int number) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_;
};

// A descriptor, or the error number, negative. glibc has no function for it.
int open_beneath([[maybe_unused]] int folder, [[maybe_unused]] const char* name,
                 [[maybe_unused]] int flags) {
#if MILLRACE_HAS_OPENAT2
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed meanwhile, so that the kernel cannot tell.
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    const auto number =
        static_cast<int>(::syscall(SYS_openat2, folder, name, &how, sizeof(struct open_how)));
    if (number >= 0) return number;
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
  return -EAGAIN;
#else
  return -ENOSYS;
#endif
}

// Opens `name`, which has no `..`, following no link at all. Changes the text, and restores it.
int open_without_links(int folder, char* name) {
  Descriptor step(-1);
  while (true) {
    char* slash = std::strchr(name, '/');
    const int base = step.number() >= 0 ? step.number() : folder;
    if (slash == nullptr) {
      const int file = ::openat(base, name, kReadFlags | O_NOFOLLOW);
      return file >= 0 ? file : -errno;
    }
    *slash = '\0';
    const int next = ::openat(base, name, kStepFlags);
    const int why = errno;
    *slash = '/';
    if (next < 0) return -why;
    step.reset(next);
    name = slash + 1;
  }
}

using PathBuffer = std::array<char, PATH_MAX>;

// Where the open file really is; nothing if the system does not tell.
std::optional<std::string_view> real_path_of(int descriptor, PathBuffer& buffer) {
  std::array<char, 32> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(link.data(), buffer.data(), buffer.size());
  if (length <= 0 || static_cast<std::size_t>(length) >= buffer.size()) return std::nullopt;
  return std::string_view(buffer.data(), static_cast<std::size_t>(length));
}

// `path` from `folder` on; nothing if it is not below it.
std::optional<std::string_view> below(std::string_view path, std::string_view folder) {
  if (!path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  if (path.size() < 2 || path.front() != '/') return std::nullopt;
  return path.substr(1);
}

// Leaves out empty and `.` parts and resolves `..` as text. An absolute name keeps its slash.
// Nothing if it leads above its beginning, which is the root of either kind.
std::optional<std::string_view> normalize(std::string_view name, PathBuffer& buffer) {
  std::size_t size = 0;
  const bool absolute = name.starts_with('/');
  while (!name.empty()) {
    const std::size_t end = name.find('/');
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(end == std::string_view::npos ? name.size() : end + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (size == 0) return std::nullopt;
      const std::size_t slash = std::string_view(buffer.data(), size).rfind('/');
      size = slash == std::string_view::npos ? 0 : slash;
      continue;
    }
    if (absolute || size > 0) buffer[size++] = '/';
    part.copy(buffer.data() + size, part.size());
    size += part.size();
  }
  return std::string_view(buffer.data(), size);
}

// A folder as its files' paths begin, before the slash: nothing for the root.
std::string as_prefix(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path;
}

tl::unexpected<Error> refuse(std::string_view name, const std::string& what) {
  return fail(Reason::io_error, "cannot read " + quoted_name(name) + ": " + what);
}

std::string system_message(int number) { return std::generic_category().message(number); }

}  // namespace

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kMost = 200;
  std::string text = "\"";
  for (const char c : name.substr(0, kMost)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned char>(c));
    text += escaped.data();
  }
  text += '"';
  if (name.size() > kMost) text += "... (" + std::to_string(name.size()) + " bytes)";
  return text;
}

RootedFolder::RootedFolder(std::string path, int descriptor, Guard guard)
    : path_(std::move(path)), descriptor_(descriptor), guard_(guard) {}

RootedFolder::RootedFolder(RootedFolder&& other) noexcept
    : path_(std::move(other.path_)),
      absolute_(std::move(other.absolute_)),
      real_(std::move(other.real_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      guard_(other.guard_) {}

RootedFolder::~RootedFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<RootedFolder> RootedFolder::open(const std::string& path, Guard guard) {
  const std::string folder = path.empty() ? "." : path;
  const auto cannot = [&](const std::string& why) {
    return tl::unexpected<Error>(
        Error{Reason::io_error, "cannot open the folder: " + why, folder, Error::kNoOffset, {}});
  };
  if (folder.find('\0') != std::string::npos) return cannot("a NUL byte in its name");
  RootedFolder opened(folder, ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), guard);
  if (opened.descriptor_ < 0) return cannot(system_message(errno));
  std::error_code error;
  opened.absolute_ = as_prefix(fs::absolute(folder, error).lexically_normal().string());
  if (!error) opened.real_ = as_prefix(fs::canonical(folder, error).string());
  if (error) return cannot(error.message());
  if (guard == Guard::best) {
    // Old kernels have no openat2, and sandboxes may refuse it.
    const Descriptor itself(open_beneath(opened.descriptor_, ".", O_PATH | O_CLOEXEC));
    if (itself.number() < 0) opened.guard_ = Guard::portable;
  }
  return opened;
}

Result<std::shared_ptr<const RootedFolder>> RootedFolder::shared(const std::string& path) {
  // By the path as it is given, from `/` on: messages and absolute names go by it.
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::weak_ptr<const RootedFolder>> folders;
  std::error_code error;
  const auto key = std::pair(path, fs::current_path(error).string());
  const std::lock_guard lock(mutex);
  if (const auto known = folders.find(key); known != folders.end()) {
    struct stat now = {};
    struct stat then = {};
    const auto folder = known->second.lock();
    if (folder != nullptr && ::stat((folder->absolute_ + "/").c_str(), &now) == 0 &&
        ::fstat(folder->descriptor_, &then) == 0 && now.st_dev == then.st_dev &&
        now.st_ino == then.st_ino) {
      return folder;
    }
  }
  std::erase_if(folders, [](const auto& known) { return known.second.expired(); });
  auto opened = open(path);
  if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
  const auto folder = std::make_shared<const RootedFolder>(std::move(*opened));
  folders.insert_or_assign(key, folder);
  return folder;
}

int RootedFolder::open_by_steps(const char* name) const {
  PathBuffer path{};
  std::memcpy(path.data(), name, std::strlen(name) + 1);  // `name` fits: it came out of such
  const int direct = open_without_links(descriptor_, path.data());
  if (direct != -ELOOP && direct != -ENOTDIR) return direct;

  // There are links. This descriptor only says where they lead: nothing can be read through it.
  const Descriptor file(::openat(descriptor_, name, O_PATH | O_CLOEXEC));
  if (file.number() < 0) return -errno;
  PathBuffer root{};
  const auto real_root = real_path_of(descriptor_, root);
  const auto real = real_path_of(file.number(), path);
  if (!real || !real_root) return -ENOSYS;
  const auto inside = below(*real, *real_root == "/" ? std::string_view{} : *real_root);
  if (!inside) return -EXDEV;
  path[real->size()] = '\0';
  return open_without_links(descriptor_, path.data() + (real->size() - inside->size()));
}

int RootedFolder::open_file(const char* name) const {
  if (guard_ == Guard::portable) return open_by_steps(name);
  const int file = open_beneath(descriptor_, name, kReadFlags);
  // The kernel refuses every link that is absolute, also one that comes back below the folder.
  return file == -EXDEV ? open_by_steps(name) : file;
}

Result<std::span<const std::uint8_t>> RootedFolder::read(std::string_view name,
                                                         std::uint64_t max_bytes,
                                                         Sample& sample) const {
  const auto outside = [&] { return refuse(name, "it leads out of the folder " + path_); };
  if (name.empty()) return refuse(name, "an empty name");
  if (name.size() >= PATH_MAX) return refuse(name, "the name is too long");
  if (name.find('\0') != std::string_view::npos) return refuse(name, "a NUL byte in the name");
  PathBuffer buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by normalize
  auto path = normalize(name, buffer);
  if (!path) return outside();
  if (name.front() == '/') {
    auto inside = below(*path, absolute_);
    if (!inside) inside = below(*path, real_);
    if (!inside) return outside();
    path = inside;
  }
  if (path->empty()) return refuse(name, "it is a folder");
  char* begin = buffer.data() + (path->data() - buffer.data());
  begin[path->size()] = '\0';  // there is room: normalizing makes no name longer

  const Descriptor file(open_file(begin));
  if (file.number() == -EXDEV) return outside();
  if (file.number() < 0) return refuse(name, system_message(-file.number()));
  struct stat status = {};
  if (::fstat(file.number(), &status) != 0) return refuse(name, system_message(errno));
  if (!S_ISREG(status.st_mode)) return refuse(name, "it is no regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > max_bytes || size >= std::numeric_limits<std::size_t>::max()) {
    return refuse(name, std::to_string(size) +
                            " bytes are more than max_image_bytes = " + std::to_string(max_bytes));
  }
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  sample.note_file(size, status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec);
  if (sample.leaves_files_unread()) return std::span<const std::uint8_t>();
  // One byte more shows whether the file has grown.
  const std::span<std::uint8_t> bytes = sample.own_space(static_cast<std::size_t>(size) + 1);
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t more = ::read(file.number(), bytes.data() + got, bytes.size() - got);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return refuse(name, system_message(errno));
    got += static_cast<std::size_t>(more);
    // A regular file gives less only at its end, but a signal may cut a read short.
    if (more == 0 || got == size) break;
  }
  if (got != size) return refuse(name, "it changed its size while it was read");
  return bytes.first(got);
}

}  // namespace millrace
