#include "millrace/formats/tar/sample_grouper.h"

#include <algorithm>
#include <string>
#include <utility>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tar/tar_sparse.h"

namespace millrace {

namespace {

/// Up to here looking through all fields is cheaper than a set, and allocates nothing.
constexpr std::size_t kFewFields = 64;
/// A chain of extension headers beyond this is asked for twice as long at a time, because it is
/// walked from its beginning each time.
constexpr std::uint64_t kLongHeaders = 64 * 1024;

}  // namespace

bool SampleGrouper::LessBlindToCase::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

bool SampleGrouper::has_field(const Sample& sample, std::string_view extension) const {
  if (!extensions_.empty()) return extensions_.find(extension) != extensions_.end();
  for (const Field& field : sample.fields()) {
    if (std::equal(field.name.begin(), field.name.end(), extension.begin(), extension.end(),
                   [](char a, char b) { return a == lower(b); })) {
      return true;
    }
  }
  return false;
}

void SampleGrouper::step() {
  event_ = reader_.next(member_);
  name_ = MemberName{};
  if (member_.is_file || event_ == tar::Event::damaged_header) {
    name_ = split_member_name(member_.name);
  }
}

bool SampleGrouper::is_skipped() {
  if (!member_.is_file) {
    ++skipped_.not_files;
    return true;
  }
  switch (name_.kind) {
    case MemberKind::field:
      return false;
    case MemberKind::meta:
      ++skipped_.meta_members;
      return true;
    case MemberKind::apple:
      ++skipped_.apple_members;
      return true;
    case MemberKind::without_extension:
      ++skipped_.without_extension;
      return true;
  }
  return false;
}

bool SampleGrouper::continues(const Sample& sample) const {
  return name_.kind == MemberKind::field && name_.key == sample.key() &&
         !has_field(sample, name_.extension);
}

Result<void> SampleGrouper::add(Sample& sample) {
  if (member_.sparse == tar::SparseFormat::none) {
    sample.add_field(name_.extension, member_.data);
  } else if (payloads_ == Payloads::untouched) {
    sample.add_field(name_.extension, {});
  } else {
    std::vector<std::uint8_t>& bytes = sample.own_bytes();
    Result<void> expanded = tar::expand_sparse(member_, limits_.max_expanded_bytes, bytes);
    if (!expanded) return expanded;
    sample.add_field(name_.extension, bytes);
  }
  sample.set_end_bytes(member_.end_bytes);
  if (sample.fields().size() > kFewFields) {
    extensions_.emplace(name_.extension);
  } else if (sample.fields().size() == kFewFields) {
    for (const Field& field : sample.fields()) extensions_.insert(field.name);
  }
  return {};
}

SampleGrouper::Outcome SampleGrouper::lose(std::uint64_t offset_bytes, std::string_view key,
                                           Error error) {
  error_ = std::move(error);
  error_.shard = shard_;
  error_.offset_bytes = offset_bytes;
  error_.key = key;
  finished_ = true;
  return Outcome::error;
}

SampleGrouper::Outcome SampleGrouper::damage(const Sample& sample) {
  const bool payload = event_ == tar::Event::damaged_payload;
  const bool of_this_sample = in_sample_ && payload && continues(sample);
  if (in_sample_ && !of_this_sample) {
    // What came before the damage is complete as far as can be known.
    if (payload) count_if_duplicate(sample);
    pending_ = true;
    return Outcome::sample;
  }
  Error error{Reason::damaged_shard, reader_.damage(), {}, 0, {}};
  if (event_ == tar::Event::damaged_header && reader_.position() != member_.begin_bytes) {
    error.message += " (at byte " + std::to_string(reader_.position()) + ")";
  }
  if (of_this_sample) return lose(sample.begin_bytes(), sample.key(), std::move(error));
  return lose(member_.begin_bytes, name_.key, std::move(error));
}

SampleGrouper::Outcome SampleGrouper::end() {
  finished_ = true;
  if (streamed_) return Outcome::end;
  const std::uint64_t lost = tar::lost_after_end_marker(archive_, reader_.position());
  if (lost == 0) return Outcome::end;
  return lose(reader_.position(), {}, end_marker_in_the_middle(lost));
}

void SampleGrouper::count_if_duplicate(const Sample& sample) {
  if (name_.kind == MemberKind::field && name_.key == sample.key()) ++skipped_.duplicate_fields;
}

bool SampleGrouper::needs_payload(const Sample& sample) const {
  return !in_sample_ || name_.kind != MemberKind::field || continues(sample);
}

std::uint64_t SampleGrouper::needed() const {
  std::uint64_t needed = reader_.reach();
  if (event_ == tar::Event::unfinished_payload) {
    needed = member_.end_bytes;
  } else if (needed - member_.begin_bytes > kLongHeaders) {
    needed += needed - member_.begin_bytes;
  }
  // One more byte than is allowed shows that the sample is too large.
  if (needed - entry_begin_bytes_ > max_sample_bytes_) {
    return entry_begin_bytes_ + max_sample_bytes_ + 1;
  }
  return needed;
}

void SampleGrouper::extend(tar::Archive archive) {
  archive_ = archive;
  if (!pending_) {
    reader_.resume(archive, reader_.position());
    return;
  }
  reader_.resume(archive, member_.begin_bytes);
  step();
}

std::uint64_t SampleGrouper::damage_reach() const {
  return event_ == tar::Event::damaged_payload ? kAnySize : reader_.reach();
}

// Only what does not depend on where the bytes at hand end may be looked at here.
SampleGrouper::Outcome SampleGrouper::too_large(const Sample& sample) {
  oversized_ = true;
  Error error{Reason::damaged_shard,
              "the sample needs more than max_sample_bytes = " + std::to_string(max_sample_bytes_) +
                  " bytes of memory; raise the option if it is right",
              {},
              0,
              {}};
  if (in_sample_) return lose(sample.begin_bytes(), sample.key(), std::move(error));
  const bool in_payload = reader_.reach() - entry_begin_bytes_ <= max_sample_bytes_;
  return lose(entry_begin_bytes_, in_payload ? name_.key : std::string_view{}, std::move(error));
}

bool SampleGrouper::is_too_large(const Sample& sample) const {
  std::uint64_t reach = reader_.reach();
  const bool has_payload = event_ == tar::Event::member ||
                           event_ == tar::Event::unfinished_payload ||
                           event_ == tar::Event::damaged_payload;
  if (has_payload && needs_payload(sample)) reach = std::max(reach, member_.end_bytes);
  return std::min(reach, archive_.end_bytes()) - entry_begin_bytes_ > max_sample_bytes_;
}

SampleGrouper::Outcome SampleGrouper::next(Sample& sample) {
  if (!resumes_) {
    in_sample_ = false;
    entry_begin_bytes_ = pending_ ? member_.begin_bytes : reader_.position();
  }
  resumes_ = false;
  while (!finished_) {
    if (!pending_) step();
    pending_ = false;
    if (is_too_large(sample)) return too_large(sample);
    if (event_ == tar::Event::unfinished ||
        (event_ == tar::Event::unfinished_payload && needs_payload(sample))) {
      pending_ = true;
      resumes_ = true;
      return Outcome::more;
    }
    if (event_ == tar::Event::end_marker) {
      if (!in_sample_) return end();
      pending_ = true;
      return Outcome::sample;
    }
    if (event_ == tar::Event::damaged_header || event_ == tar::Event::damaged_payload) {
      return damage(sample);
    }
    if (is_skipped()) continue;
    if (in_sample_ && !continues(sample)) {
      count_if_duplicate(sample);
      pending_ = true;
      return Outcome::sample;
    }
    if (!in_sample_) {
      sample.reset(shard_, member_.begin_bytes);
      sample.set_key(name_.key);
      extensions_.clear();
      in_sample_ = true;
    }
    if (auto added = add(sample); !added) {
      return lose(sample.begin_bytes(), sample.key(), std::move(added.error()));
    }
  }
  return Outcome::end;
}

Error end_marker_in_the_middle(std::uint64_t lost_bytes) {
  return {
      Reason::damaged_shard,
      "end marker in the middle; " + std::to_string(lost_bytes) + " bytes after it were not read",
      {},
      0,
      {}};
}

}  // namespace millrace
