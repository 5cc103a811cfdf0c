#include "millrace/formats/sample.h"

#include <algorithm>

#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014), behind its first step.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

const Field* Sample::find(std::string_view name) const {
  for (const Field& field : fields()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

void Sample::reset(std::string_view shard, std::uint64_t begin_bytes, OffsetUnit unit) {
  shard_ = shard;
  begin_bytes_ = begin_bytes;
  end_bytes_ = begin_bytes;
  unit_ = unit;
  key_.clear();
  field_count_ = 0;
  owned_count_ = 0;
  files_ = 0;
  files_stamp_ = 0;
}

void Sample::note_file(std::uint64_t bytes, std::int64_t mtime_ns) {
  ++files_;
  files_stamp_ = mixed(mixed(files_stamp_ ^ bytes) ^ static_cast<std::uint64_t>(mtime_ns));
}

void Sample::add_field(std::string_view name, std::span<const std::uint8_t> data,
                       bool is_json_value) {
  if (field_count_ == fields_.size()) fields_.emplace_back();
  Field& field = fields_[field_count_++];
  field.name.resize(name.size());
  std::transform(name.begin(), name.end(), field.name.begin(), [](char c) { return lower(c); });
  field.data = data;
  field.is_json_value = is_json_value;
}

std::vector<std::uint8_t>& Sample::own_bytes() {
  if (owned_count_ == owned_.size()) owned_.emplace_back();
  std::vector<std::uint8_t>& bytes = owned_[owned_count_++];
  bytes.clear();
  return bytes;
}

std::span<std::uint8_t> Sample::own_space(std::size_t bytes) {
  if (owned_count_ == owned_.size()) owned_.emplace_back();
  std::vector<std::uint8_t>& space = owned_[owned_count_++];
  if (space.size() < bytes) {
    space.clear();  // what it holds is not to be copied
    space.resize(bytes);
  }
  return {space.data(), bytes};
}

}  // namespace millrace
