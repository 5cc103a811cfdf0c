#include "millrace/formats/tar/tar_writer.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/tar/tar_header.h"

namespace millrace::tar {

namespace {

constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kPrefixBytes = 155;
constexpr std::uint64_t kOctalSizes = std::uint64_t{1} << 33;  // 11 octal digits
// Content below this is copied to lie beside its header: fewer system calls.
constexpr std::size_t kCopiedBytes = std::size_t{32} << 10;
constexpr std::size_t kWaitingBytes = std::size_t{256} << 10;

constexpr std::array<std::uint8_t, kBlockBytes> kZeros{};

struct SplitName {
  std::string_view prefix;
  std::string_view name;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The name as ustar's two fields, which are joined by a slash. Nothing where it does not fit.
std::optional<SplitName> split_for_ustar(std::string_view name) {
  if (!is_ascii(name)) return std::nullopt;
  if (name.size() <= kNameBytes) return SplitName{{}, name};
  const std::size_t slash = name.find('/', name.size() - kNameBytes - 1);
  if (slash == std::string_view::npos || slash == 0 || slash > kPrefixBytes ||
      slash + 1 == name.size()) {
    return std::nullopt;
  }
  return SplitName{name.substr(0, slash), name.substr(slash + 1)};
}

// POSIX.1-2001, "pax Extended Header": `LENGTH KEYWORD=VALUE\n`, where LENGTH counts itself.
void append_pax_record(std::string& records, std::string_view keyword, std::string_view value) {
  const std::size_t rest = keyword.size() + value.size() + 3;
  std::size_t length = rest;
  while (length != rest + std::to_string(length).size()) {
    length = rest + std::to_string(length).size();
  }
  records += std::to_string(length);
  records += ' ';
  records += keyword;
  records += '=';
  records += value;
  records += '\n';
}

void append_block(std::string& blocks, const SplitName& name, std::uint64_t size, char type) {
  const std::size_t at = blocks.size();
  blocks.resize(at + kBlockBytes, '\0');
  const auto put = [&](std::size_t field, std::string_view text) {
    blocks.replace(at + field, text.size(), text);
  };
  std::array<char, 16> digits{};
  put(0, name.name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  std::snprintf(digits.data(), digits.size(), "%011llo", static_cast<unsigned long long>(size));
  put(124, digits.data());
  put(136, "00000000000");
  put(148, "        ");
  put(156, {&type, 1});
  put(257, std::string_view("ustar\00000", 8));
  put(329, "0000000");
  put(337, "0000000");
  put(345, name.prefix);
  unsigned sum = 0;
  for (std::size_t i = at; i < blocks.size(); ++i) sum += static_cast<unsigned char>(blocks[i]);
  std::snprintf(digits.data(), digits.size(), "%06o", sum);
  put(148, std::string_view(digits.data(), 7));  // with its NUL; the blank behind it stays
}

// As much of the name as ustar's field holds, for readers that know no PAX.
std::string_view cut_name(std::string_view name) {
  std::size_t length = std::min(name.size(), kNameBytes);
  if (length < name.size()) {
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80) --length;
  }
  return name.substr(0, length);
}

void sync_folder(const std::string& path) {
  const std::string folder(folder_of(path));
  const int opened = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return;  // may be forbidden; the file itself is safe
  (void)::fsync(opened);
  ::close(opened);
}

}  // namespace

void append_header(std::string& blocks, std::string_view name, std::uint64_t size_bytes) {
  const auto split = split_for_ustar(name);
  const bool large = size_bytes >= kOctalSizes;
  if (!split || large) {
    std::string records;
    if (!split) append_pax_record(records, "path", name);
    if (large) append_pax_record(records, "size", std::to_string(size_bytes));
    append_block(blocks, {{}, "PaxHeader"}, records.size(), 'x');
    blocks += records;
    blocks.resize(blocks.size() + padded(records.size()) - records.size(), '\0');
  }
  append_block(blocks, split ? *split : SplitName{{}, cut_name(name)}, large ? 0 : size_bytes, '0');
}

std::uint64_t member_bytes(std::string_view name, std::uint64_t size_bytes) {
  const bool plain = size_bytes < kOctalSizes && split_for_ustar(name);
  if (plain) return kBlockBytes + padded(size_bytes);
  std::string blocks;
  append_header(blocks, name, size_bytes);
  return blocks.size() + padded(size_bytes);
}

std::uint32_t padded_crc32(std::span<const std::uint8_t> content) {
  const uLong crc = ::crc32_z(0, content.data(), content.size());
  return static_cast<std::uint32_t>(
      ::crc32_z(content.empty() ? 0 : crc, kZeros.data(), padded(content.size()) - content.size()));
}

Writer::Writer(std::string path, std::string partial_path, int file)
    : path_(std::move(path)), partial_path_(std::move(partial_path)), file_(file) {
  waiting_.reserve(kWaitingBytes + kCopiedBytes);
}

Writer::~Writer() {
  if (file_ >= 0) ::close(file_);
  if (!renamed_) ::unlink(partial_path_.c_str());
}

Result<std::unique_ptr<Writer>> Writer::create(const std::string& path) {
  std::string partial(folder_of(path));
  partial += '.';
  partial += file_name_of(path);
  partial += ".partial";
  const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  std::unique_ptr<Writer> writer(new Writer(path, partial, file));
  if (file < 0) {
    writer->renamed_ = true;  // there is nothing to remove
    return writer->failure("cannot write", errno);
  }
  return writer;
}

tl::unexpected<Error> Writer::failure(const std::string& what, int why) const {
  return system_failure(path_, what, why);
}

// Writes what waits, then `content`.
Result<void> Writer::write_out(std::span<const std::uint8_t> content) {
  std::span<const std::uint8_t> head(reinterpret_cast<const std::uint8_t*>(waiting_.data()),
                                     waiting_.size());
  while (!head.empty() || !content.empty()) {
    // writev takes no pointers to const.
    std::array<iovec, 2> parts = {
        {{const_cast<std::uint8_t*>(head.data()), head.size()},          // NOLINT
         {const_cast<std::uint8_t*>(content.data()), content.size()}}};  // NOLINT
    const ssize_t count = ::writev(file_, parts.data(), static_cast<int>(parts.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failure("cannot write", count < 0 ? errno : EIO);
    const auto written = static_cast<std::size_t>(count);
    const std::size_t of_head = std::min(written, head.size());
    head = head.subspan(of_head);
    content = content.subspan(written - of_head);
  }
  waiting_.clear();
  return {};
}

Result<void> Writer::add(std::string_view name, std::span<const std::uint8_t> content,
                         std::uint32_t crc) {
  const std::size_t before = waiting_.size();
  append_header(waiting_, name, content.size());
  const std::size_t head = waiting_.size() - before;
  crc_ = static_cast<std::uint32_t>(
      ::crc32_z(crc_, reinterpret_cast<const std::uint8_t*>(waiting_.data()) + before, head));
  const std::uint64_t body = padded(content.size());
  crc_ = static_cast<std::uint32_t>(::crc32_combine(crc_, crc, static_cast<z_off_t>(body)));
  bytes_ += head + body;
  if (content.size() < kCopiedBytes) {
    waiting_.append(as_text(content));
  } else if (auto written = write_out(content); !written) {
    return written;
  }
  waiting_.append(body - content.size(), '\0');
  return waiting_.size() < kWaitingBytes ? Result<void>{} : write_out({});
}

Result<void> Writer::finish() {
  waiting_.append(kEndBytes, '\0');
  for (std::uint64_t i = 0; i < kEndBytes; i += kBlockBytes) {
    crc_ = static_cast<std::uint32_t>(::crc32_z(crc_, kZeros.data(), kBlockBytes));
  }
  bytes_ += kEndBytes;
  if (auto written = write_out({}); !written) return written;
  if (::fsync(file_) != 0) return failure("cannot write", errno);
  // Some network file systems report a full disk only here.
  if (::close(std::exchange(file_, -1)) != 0) return failure("cannot write", errno);
  if (std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    return failure("cannot rename " + partial_path_ + " to it", errno);
  }
  renamed_ = true;
  sync_folder(path_);
  return {};
}

}  // namespace millrace::tar
