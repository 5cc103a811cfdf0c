#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

/// What a member's name makes of it.
enum class MemberKind : std::uint8_t {
  field,              ///< a field of the sample `key`
  meta,               ///< `__x__`, `__x__/...`, or a field whose name is reserved (`a.__key__`)
  apple,              ///< what macOS leaves in archives: `__MACOSX/...`, `._name`, `.DS_Store`
  without_extension,  ///< no extension, or a dotfile at the top level
};

struct MemberName {
  MemberKind kind = MemberKind::without_extension;
  std::string_view key;
  std::string_view extension;  ///< as written, not lower-cased
};

/// Splits a member's name as webdataset does, whose rule is the regular expression
/// `^((?:.*/|)[^.]+)[.]([^/]*)$`: `a/b.c/d.seg.JPG` is key `a/b.c/d`, extension `seg.JPG`. Names
/// are bytes. Only with MemberKind::field are key and extension set.
MemberName split_member_name(std::string_view name);

}  // namespace millrace
