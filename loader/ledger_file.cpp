#include "millrace/loader/ledger_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <boost/json.hpp>

#include "millrace/loader/json.h"
#include "millrace/loader/loader.h"

namespace millrace {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kLedgerVersion = 1;

[[noreturn]] void refuse(const std::string& what, const std::string& path) {
  throw LoaderError({Reason::io_error,
                     "ledger_path: cannot " + what + ": " + std::generic_category().message(errno),
                     path,
                     Error::kNoOffset,
                     {}});
}

// Whether the file's last line was not written whole: its process died, or the disk was full.
bool ends_torn(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) {
    return false;
  }
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char last = '\n';
  static_cast<void>(::pread(file, &last, 1, about.st_size - 1));
  ::close(file);
  return last != '\n';
}

}  // namespace

LedgerFile::LedgerFile(const std::string& path) : path_(path) {
  if (path.empty()) return;
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) refuse("open the file", path_);
  torn_ = ends_torn(path);
}

LedgerFile::~LedgerFile() {
  if (file_ >= 0) ::close(file_);
}

void LedgerFile::write(std::string line) {
  line += '\n';
  if (torn_) line.insert(line.begin(), '\n');
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t written = ::write(file_, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse("write", path_);
    done += static_cast<std::size_t>(written);
    torn_ = done < line.size();
  }
}

void LedgerFile::epoch(const Ledger& ledger, std::uint64_t rank, std::uint64_t world_size,
                       const Fingerprint& fingerprint) {
  json::object line;
  line["event"] = "epoch";
  line["version"] = kLedgerVersion;
  line["epoch"] = ledger.epoch;
  line["position"] = ledger.from_position;
  line["rank"] = rank;
  line["world_size"] = world_size;
  line["expected"] = ledger.expected;
  json::object& members = line["fingerprint"].emplace_object();
  for (const auto& [name, value] : fingerprint) members[name] = json::parse(value);
  write(json::serialize(line));
}

void LedgerFile::bad_sample(const BadSample& bad) {
  json::object line;
  line["event"] = "bad_sample";
  line["epoch"] = bad.epoch;
  line["position"] = bad.position;
  line["source"] = printable_utf8(bad.source);
  line["shard"] = printable_utf8(bad.shard);
  line["index"] = bad.index;
  if (bad.part > 0) line["part"] = bad.part;
  line["offset"] = nullptr;
  if (bad.error->offset_bytes != Error::kNoOffset) line["offset"] = bad.error->offset_bytes;
  line["key"] = printable_utf8(bad.error->key);
  line["reason"] = reason_name(bad.error->reason);
  line["message"] = printable_utf8(bad.error->message);
  line["outcome"] = bad.outcome;
  if (!bad.stand_in_shard.empty()) {
    line["stand_in"] = {{"shard", printable_utf8(bad.stand_in_shard)},
                        {"index", bad.stand_in_index}};
  }
  write(json::serialize(line));
}

void LedgerFile::end(const Ledger& ledger, std::uint64_t rank) {
  json::object line;
  line["event"] = "end";
  line["epoch"] = ledger.epoch;
  line["rank"] = rank;
  line["ledger"] = json::parse(ledger.to_json());
  write(json::serialize(line));
}

}  // namespace millrace
