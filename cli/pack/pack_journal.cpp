#include "pack/pack_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "millrace/formats/index/sample_index.h"
#include "millrace/loader/json.h"

namespace millrace::cli {

namespace json = boost::json;

namespace {

std::string journal_path(const std::string& folder) { return folder + "manifest.jsonl.partial"; }

Result<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) return system_failure(path, "cannot read", EIO);
  return std::move(content).str();
}

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_failure(path, "cannot write", written < 0 ? errno : EIO);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

std::string crc_text(std::uint32_t crc) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", crc);
  return text.data();
}

json::object skipped_line(const Error& error) {
  json::object line{{"skipped", printable_utf8(error.shard)}};
  if (error.offset_bytes != Error::kNoOffset) {
    line["offset"] = error.offset_bytes;
    line["unit"] = error.unit == OffsetUnit::row ? "row" : "byte";
  }
  if (!error.key.empty()) line["key"] = printable_utf8(error.key);
  line["reason"] = reason_name(error.reason);
  line["message"] = printable_utf8(error.message);
  return line;
}

// The manifest's line of a shard.
json::object shard_line(const PackedShard& shard) {
  return {{"shard", printable_utf8(shard.name)},
          {"samples", shard.samples},
          {"bytes", shard.bytes},
          {"crc32", crc_text(shard.crc32)},
          {"changed_keys", shard.changed_keys},
          {"reencoded_images", shard.reencoded_images}};
}

json::object named_line(const NamedFiles& named) {
  return {{"files", named.files}, {"stamp", hexadecimal(named.stamp)}};
}

// Throws where the value is not what named_line wrote.
NamedFiles named_of(const json::value& line) {
  constexpr int kHexadecimal = 16;
  return {
      line.at("files").to_number<std::uint64_t>(),
      std::stoull(json::value_to<std::string>(line.at("stamp")), nullptr, kHexadecimal),
  };
}

// Throws where the line is not what shard_line wrote.
PackedShard shard_of(const json::object& line) {
  PackedShard shard;
  shard.name = json::value_to<std::string>(line.at("shard"));
  shard.samples = line.at("samples").to_number<std::uint64_t>();
  shard.bytes = line.at("bytes").to_number<std::uint64_t>();
  shard.crc32 = static_cast<std::uint32_t>(
      std::stoul(json::value_to<std::string>(line.at("crc32")), nullptr, 16));
  shard.changed_keys = line.at("changed_keys").to_number<std::uint64_t>();
  shard.reencoded_images = line.at("reencoded_images").to_number<std::uint64_t>();
  return shard;
}

json::object header_line(const PackHeader& header) {
  return {{"pack", header.description}, {"stamp", header.stamp}};
}

[[noreturn]] void refuse_changed(const PackHeader& header, const std::string& told_by) {
  std::string which = "a file of the sources";
  const auto then = file_stamp(told_by);
  for (const std::string& file : header.files) {
    const auto now = file_stamp(file);
    if (then && now && now->mtime_ns > then->mtime_ns) {
      which = file;
      break;
    }
  }
  refuse_pack(told_by, "the sources have changed since: " + which +
                           " has another size or time of modification; --force packs anew");
}

// The lines of a text that end with a line feed.
std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// Whether a journal is of the same sources and options, whatever has become of the files.
bool is_of_same(std::string_view first_line, const PackHeader& header) {
  boost::system::error_code error;
  const json::value line =
      json::parse(json::string_view(first_line.data(), first_line.size()), error);
  const json::object* object = error ? nullptr : line.if_object();
  const json::value* pack = object == nullptr ? nullptr : object->if_contains("pack");
  return pack != nullptr && pack->is_string() && pack->get_string() == header.description;
}

// Whether a manifest or a journal begins as a pack's does.
bool is_of_a_pack(std::string_view text) {
  boost::system::error_code error;
  const json::value line = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* object = error ? nullptr : line.if_object();
  return object != nullptr && (object->contains("millrace_pack") || object->contains("pack"));
}

// Whatever shards a manifest of somebody else's names are not a pack's to remove.
void refuse_foreign(const std::string& folder) {
  for (const std::string& path : {folder + "manifest.jsonl", journal_path(folder)}) {
    const auto content = content_of(path);
    if (!content) continue;
    const auto lines = whole_lines(*content);
    if (!lines.empty() && !is_of_a_pack(lines.front())) {
      refuse_pack(path, "is no manifest of millrace pack; choose another folder");
    }
  }
}

// What is left of another pack, finished or not.
Result<void> remove_pack(const std::string& folder) {
  const std::string manifest = folder + "manifest.jsonl";
  for (const std::string& path : {manifest, journal_path(folder)}) {
    const auto content = content_of(path);
    if (!content) continue;
    const auto lines = whole_lines(*content);
    if (lines.empty()) continue;
    for (const std::string_view text : lines) {
      boost::system::error_code error;
      const json::value line = json::parse(json::string_view(text.data(), text.size()), error);
      const json::object* object = error ? nullptr : line.if_object();
      const json::value* name = object != nullptr ? object->if_contains("shard") : nullptr;
      if (name == nullptr || !name->is_string()) continue;
      const std::string shard(name->get_string());
      if (shard.find('/') == std::string::npos) ::unlink((folder + shard).c_str());
    }
  }
  if (::unlink(manifest.c_str()) != 0 && errno != ENOENT) {
    return system_failure(manifest, "cannot remove", errno);
  }
  return {};
}

}  // namespace

void refuse_pack(const std::string& path, const std::string& what) {
  throw std::invalid_argument(path + ": " + what);
}

void PackTotals::add(const PackedShard& shard) {
  ++shards;
  samples += shard.samples;
  bytes += shard.bytes;
  skipped += shard.skipped.size();
  changed_keys += shard.changed_keys;
  reencoded_images += shard.reencoded_images;
}

Result<std::optional<FinishedPack>> PackJournal::finished_pack(const std::string& folder,
                                                               const PackHeader& header) {
  const std::string path = folder + "manifest.jsonl";
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  const auto content = content_of(path);
  if (!content) return tl::unexpected<Error>(content.error());
  const auto lines = whole_lines(*content);
  refuse_foreign(folder);
  if (lines.empty() || lines[0] != header.description) {
    refuse_pack(path,
                "another pack is in this folder (other sources or options); choose another "
                "folder, or --force to replace it");
  }
  FinishedPack pack;
  std::string stamp;
  try {
    for (const std::string_view line : lines) {
      const json::object object =
          json::parse(json::string_view(line.data(), line.size())).as_object();
      if (object.contains("shard")) pack.shards.push_back(shard_of(object));
      if (const json::value* totals = object.if_contains("totals")) {
        stamp = object.at("stamp").as_string();
        pack.named = named_of(object.at("named"));
        pack.skipped = totals->at("skipped").to_number<std::uint64_t>();
      }
    }
  } catch (const std::exception&) {
    stamp.clear();
  }
  if (stamp.empty()) {
    return tl::unexpected<Error>(Error{Reason::damaged_shard,
                                       "the manifest is cut short or damaged; --force packs anew",
                                       path,
                                       Error::kNoOffset,
                                       {}});
  }
  if (stamp != header.stamp) refuse_changed(header, path);
  return pack;
}

Result<std::unique_ptr<PackJournal>> PackJournal::open(const std::string& folder,
                                                       const PackHeader& header, bool force) {
  const std::string path = journal_path(folder);
  if (force) refuse_foreign(folder);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return system_failure(path, "cannot write", errno);
  std::unique_ptr<PackJournal> journal(new PackJournal(folder, file));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return tl::unexpected<Error>(Error{Reason::io_error,
                                       "another process is packing into this folder",
                                       path,
                                       Error::kNoOffset,
                                       {}});
  }
  if (force) {
    if (auto removed = remove_pack(folder); !removed) {
      return tl::unexpected<Error>(std::move(removed.error()));
    }
  }
  if (auto taken = journal->take_up(header, force); !taken) {
    return tl::unexpected<Error>(std::move(taken.error()));
  }
  return journal;
}

PackJournal::~PackJournal() { ::close(file_); }

Result<void> PackJournal::take_up(const PackHeader& header, bool force) {
  header_ = header;
  const std::string first = json::serialize(header_line(header));
  const auto content = content_of(journal_path(folder_));
  if (!content) return tl::unexpected<Error>(content.error());
  const auto lines = whole_lines(*content);
  if (lines.empty() || force) {
    if (auto emptied = cut(0); !emptied) return emptied;
    return append(first);
  }
  if (lines[0] != first) {
    if (lines.size() == 1) {  // no shard was finished
      if (auto emptied = cut(0); !emptied) return emptied;
      return append(first);
    }
    if (is_of_same(lines[0], header)) refuse_changed(header, journal_path(folder_));
    refuse_pack(
        journal_path(folder_),
        "an interrupted pack of other sources or options is in this folder; --force begins anew");
  }
  bytes_ = lines[0].size() + 1;
  ends_ = {bytes_};
  for (std::size_t i = 1; i < lines.size(); ++i) {
    try {
      const json::value line = json::parse(json::string_view(lines[i].data(), lines[i].size()));
      PackedShard shard = shard_of(line.as_object());
      for (const json::value& skipped : line.at("skipped").as_array()) {
        Error error;
        error.message = json::serialize(skipped);  // the line as it goes into the manifest
        shard.skipped.push_back(std::move(error));
      }
      shard.named = named_of(line.at("named"));
      shard.next.shard = line.at("next").at(0).to_number<std::uint64_t>();
      shard.next.entry = line.at("next").at(1).to_number<std::uint64_t>();
      finished_.push_back(std::move(shard));
    } catch (const std::exception&) {
      break;  // torn by a crash of the machine: from here on it is packed anew
    }
    bytes_ += lines[i].size() + 1;
    ends_.push_back(bytes_);
  }
  return cut(bytes_);
}

Result<void> PackJournal::cut(std::uint64_t bytes) {
  bytes_ = bytes;
  if (::ftruncate(file_, static_cast<off_t>(bytes)) != 0 ||
      ::lseek(file_, static_cast<off_t>(bytes), SEEK_SET) < 0) {
    return system_failure(journal_path(folder_), "cannot cut", errno);
  }
  return {};
}

Result<void> PackJournal::keep(std::size_t count) {
  if (count >= finished_.size()) return {};
  finished_.resize(count);
  ends_.resize(count + 1);
  return cut(ends_.back());
}

Result<void> PackJournal::append(const std::string& line) {
  if (auto written = write_all(file_, line + "\n", journal_path(folder_)); !written) return written;
  bytes_ += line.size() + 1;
  ends_.push_back(bytes_);
  if (::fdatasync(file_) != 0) return system_failure(journal_path(folder_), "cannot write", errno);
  return {};
}

Result<void> PackJournal::add(const PackedShard& shard) {
  json::object line = shard_line(shard);
  json::array skipped;
  for (const Error& error : shard.skipped) skipped.push_back(skipped_line(error));
  line["skipped"] = std::move(skipped);
  line["named"] = named_line(shard.named);
  line["next"] = {shard.next.shard, shard.next.entry};
  return append(json::serialize(line));
}

Result<void> PackJournal::finish(const PackTotals& totals) {
  const std::string partial = folder_ + ".manifest.jsonl.partial";
  const auto journal = content_of(journal_path(folder_));
  if (!journal) return tl::unexpected<Error>(journal.error());
  std::string manifest = header_.description + "\n";
  const auto lines = whole_lines(*journal);
  NamedFiles named;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const json::object line =
        json::parse(json::string_view(lines[i].data(), lines[i].size())).as_object();
    for (const json::value& skipped : line.at("skipped").as_array()) {
      manifest += json::serialize(skipped) + "\n";
    }
    named.add(named_of(line.at("named")));
    manifest += json::serialize(shard_line(shard_of(line))) + "\n";
  }
  manifest += json::serialize(json::object{{"totals",
                                            {{"shards", totals.shards},
                                             {"samples", totals.samples},
                                             {"bytes", totals.bytes},
                                             {"skipped", totals.skipped},
                                             {"changed_keys", totals.changed_keys},
                                             {"reencoded_images", totals.reencoded_images}}},
                                           {"stamp", header_.stamp},
                                           {"named", named_line(named)}}) +
              "\n";
  const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return system_failure(partial, "cannot write", errno);
  auto written = write_all(file, manifest, partial);
  if (written && ::fsync(file) != 0) written = system_failure(partial, "cannot write", errno);
  ::close(file);
  if (written && std::rename(partial.c_str(), manifest_path().c_str()) != 0) {
    written = system_failure(manifest_path(), "cannot rename " + partial + " to it", errno);
  }
  if (!written) {
    ::unlink(partial.c_str());
    return written;
  }
  ::unlink(journal_path(folder_).c_str());
  return {};
}

}  // namespace millrace::cli
