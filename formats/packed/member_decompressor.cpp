#include "millrace/formats/packed/member_decompressor.h"

#include <algorithm>
#include <utility>

namespace millrace {

namespace {

Error no_memory() {
  return {Reason::io_error, "there is not enough memory to unpack", {}, Error::kNoOffset, {}};
}

}  // namespace

Error MemberDecompressor::damage(std::string_view why) const {
  return {Reason::damaged_shard,
          std::string(compression_) + ": " + std::string(why) + ", at byte " +
              std::to_string(packed_bytes_) + " of the compressed data",
          {},
          Error::kNoOffset,
          {}};
}

Result<std::size_t> MemberDecompressor::fail_with(Error error, std::size_t made) {
  error_ = std::move(error);
  if (made > 0) return made;
  return tl::unexpected<Error>(*error_);
}

std::optional<Error> MemberDecompressor::fetch() {
  auto piece = input_();
  if (!piece) return std::move(piece.error());
  piece_ = *piece;
  input_ended_ = piece_.empty();
  return std::nullopt;
}

/// Goes to the next member or the end.
std::optional<Error> MemberDecompressor::find_member() {
  while (true) {
    // Tapes and block devices pad with zeros, and xz allows them between streams.
    const auto next =
        place_ == Place::before_first
            ? piece_.begin()
            : std::find_if(piece_.begin(), piece_.end(), [](std::uint8_t b) { return b != 0; });
    packed_bytes_ += static_cast<std::uint64_t>(next - piece_.begin());
    piece_ = piece_.subspan(static_cast<std::size_t>(next - piece_.begin()));
    if (!piece_.empty()) break;
    if (input_ended_) {
      if (place_ == Place::behind_member) {
        place_ = Place::end;
        return std::nullopt;
      }
      cut_ = true;
      return damage("there is nothing");
    }
    if (auto error = fetch()) return error;
  }
  if (!begins_with(piece_.front())) return damage("something else follows the compressed data");
  if (!begin_member()) return no_memory();
  place_ = Place::in_member;
  return std::nullopt;
}

Result<std::size_t> MemberDecompressor::read(std::span<std::uint8_t> room) {
  if (error_) return tl::unexpected<Error>(*error_);
  std::size_t made = 0;
  while (made < room.size() && place_ != Place::end) {
    if (place_ != Place::in_member) {
      // What is there is given before anything is waited for.
      if (made > 0 && piece_.empty()) break;
      if (auto error = find_member()) return fail_with(std::move(*error), made);
      continue;
    }
    const Step done = step(piece_, room.subspan(made));
    piece_ = piece_.subspan(done.taken);
    packed_bytes_ += done.taken;
    made += done.made;
    switch (done.outcome) {
      case Step::Outcome::member_end:
        place_ = Place::behind_member;
        continue;
      case Step::Outcome::damage:
        return fail_with(damage(done.why), made);
      case Step::Outcome::no_memory:
        return fail_with(no_memory(), made);
      case Step::Outcome::going:
        break;
    }
    if (done.taken > 0 || done.made > 0) continue;
    if (made > 0) break;
    if (!piece_.empty()) return fail_with(damage("the data does not go on"), made);
    if (input_ended_) {
      cut_ = true;
      return fail_with(damage("the data ends too early"), made);
    }
    if (auto error = fetch()) return fail_with(std::move(*error), made);
  }
  return made;
}

}  // namespace millrace
