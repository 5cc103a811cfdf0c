#include "check/side_files.h"

#include <filesystem>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <boost/json.hpp>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/formats/tables/mds_index.h"

namespace millrace::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;

std::optional<std::uint64_t> number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  return error ? std::nullopt : std::optional(number);
}

// The digits of xxhash's canonical form, which is what its Python package prints.
template <typename Canonical>
std::string hex_of(const Canonical& canonical) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : canonical.digest) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

// Empty: this one is not computed here.
std::string digest_by(std::string_view algorithm, std::span<const std::uint8_t> bytes) {
  if (algorithm == "xxh32") {
    XXH32_canonical_t canonical;
    XXH32_canonicalFromHash(&canonical, XXH32(bytes.data(), bytes.size(), 0));
    return hex_of(canonical);
  }
  if (algorithm == "xxh64" || algorithm == "xxh3_64") {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, algorithm == "xxh64"
                                            ? XXH64(bytes.data(), bytes.size(), 0)
                                            : XXH3_64bits(bytes.data(), bytes.size()));
    return hex_of(canonical);
  }
  if (algorithm == "xxh128" || algorithm == "xxh3_128") {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    return hex_of(canonical);
  }
  return {};
}

}  // namespace

std::optional<DownloadStats> read_download_stats(const std::string& shard) {
  namespace fs = std::filesystem;
  const fs::path file = shard_file(shard);
  std::string stem = file.filename().string();
  stem.resize(stem.find('.') == std::string::npos ? stem.size() : stem.find('.'));
  const fs::path path = file.parent_path() / (stem + "_stats.json");
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error || bytes > kMostBytes) return std::nullopt;
  const auto source = map_file(path.string());
  if (!source) return std::nullopt;
  const auto data = (*source)->bytes();
  json::error_code broken;
  const json::value root = json::parse(as_text(data), broken);
  if (broken || !root.is_object()) return std::nullopt;
  const json::object& object = root.get_object();
  const auto count = number_in(object, "count");
  const auto successes = number_in(object, "successes");
  if (!count || !successes) return std::nullopt;
  DownloadStats stats;
  stats.count = *count;
  stats.successes = *successes;
  stats.failed_to_download = number_in(object, "failed_to_download").value_or(0);
  stats.failed_to_resize = number_in(object, "failed_to_resize").value_or(0);
  if (const json::value* status = object.if_contains("status_dict");
      status != nullptr && status->is_object()) {
    for (const auto& [name, value] : status->get_object()) {
      static_cast<void>(value);
      stats.status.add(std::string_view(name), number_in(status->get_object(), name).value_or(0));
    }
  }
  return stats;
}

std::optional<std::string> wrong_mds_hash(const std::string& shard,
                                          std::span<const std::uint8_t> bytes) {
  if (shard.find(".mds") == std::string::npos) return std::nullopt;
  const auto found = find_mds_entry(shard);
  if (!found || found->entry == nullptr) return std::nullopt;
  for (const auto& [algorithm, said] : found->entry->hashes) {
    const std::string computed = digest_by(algorithm, bytes);
    if (!computed.empty() && computed != said) {
      return std::string("its ")
          .append(algorithm)
          .append(" is ")
          .append(computed)
          .append(", index.json says ")
          .append(said);
    }
  }
  return std::nullopt;
}

}  // namespace millrace::cli
