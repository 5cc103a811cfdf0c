#include "millrace/loader/key_set.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

namespace {

void add_file(std::string_view option, const std::string& path,
              std::vector<std::uint64_t>& hashes) {
  const auto refuse = [&] {
    const int why = errno;
    throw std::invalid_argument(std::string(option) + " = \"@" + path + "\": cannot read the file" +
                                (why != 0 ? ": " + std::generic_category().message(why) : ""));
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse();
  bool first = true;
  for (std::string line; std::getline(file, line); first = false) {
    std::string_view key = line;
    if (first && key.starts_with("\xef\xbb\xbf")) key.remove_prefix(3);
    if (key.ends_with('\r')) key.remove_suffix(1);
    if (!key.empty()) hashes.push_back(key_hash(key));
  }
  if (file.bad()) refuse();  // a folder opens, and cannot be read
}

}  // namespace

void validate_keys(std::string_view option, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (!entry.empty() && entry != "@") continue;
    throw std::invalid_argument(std::string(option) + " = \"" + entry +
                                "\": must be a key, or @ and the name of a file");
  }
}

KeySet::KeySet(std::string_view option, const std::vector<std::string>& entries) {
  validate_keys(option, entries);
  std::vector<std::uint64_t> hashes;
  for (const std::string& entry : entries) {
    if (entry.front() == '@') {
      add_file(option, entry.substr(1), hashes);
    } else {
      hashes.push_back(key_hash(entry));
    }
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  size_ = hashes.size();

  std::string bytes;
  bytes.reserve(hashes.size() * sizeof(std::uint64_t));
  for (const std::uint64_t hash : hashes) {
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(hash >> shift & 0xff);
  }
  fingerprint_ = key_hash(bytes);

  slots_.resize(std::bit_ceil(2 * hashes.size() + 1));
  for (const std::uint64_t hash : hashes) {
    std::size_t slot = slot_of(hash);
    while (slots_[slot] != 0) slot = next(slot);
    slots_[slot] = hash;
  }
}

}  // namespace millrace
