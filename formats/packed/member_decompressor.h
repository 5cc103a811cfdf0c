#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/packed/decompressor.h"

namespace millrace {

/// What the compressions have in common whose libraries unpack one member at a time: the next
/// members, zeros that pad the file, and what is wrong behind the last one.
class MemberDecompressor : public Decompressor {
 public:
  Result<std::size_t> read(std::span<std::uint8_t> room) final;
  std::uint64_t packed_bytes() const final { return packed_bytes_; }
  bool is_cut() const final { return cut_; }

 protected:
  struct Step {
    enum class Outcome : std::uint8_t { going, member_end, damage, no_memory };
    Outcome outcome = Outcome::going;
    std::size_t taken = 0;  ///< of the packed bytes
    std::size_t made = 0;
    std::string_view why;  ///< of damage
  };

  MemberDecompressor(std::string_view compression, Input input)
      : compression_(compression), input_(std::move(input)) {}

  /// Unpacks some of the member at hand; taking and making nothing asks for more input.
  virtual Step step(std::span<const std::uint8_t> packed, std::span<std::uint8_t> room) = 0;
  /// Gets ready for the first or next member. False: no memory.
  virtual bool begin_member() = 0;
  /// Whether a member may begin with this byte.
  virtual bool begins_with(std::uint8_t byte) const = 0;

 private:
  enum class Place : std::uint8_t { before_first, in_member, behind_member, end };

  Result<std::size_t> fail_with(Error error, std::size_t made);
  Error damage(std::string_view why) const;
  std::optional<Error> fetch();
  std::optional<Error> find_member();

  std::string_view compression_;
  Input input_;
  std::span<const std::uint8_t> piece_;
  bool input_ended_ = false;
  std::uint64_t packed_bytes_ = 0;
  Place place_ = Place::before_first;
  bool cut_ = false;
  std::optional<Error> error_;
};

}  // namespace millrace
