#include "millrace/formats/tar/member_name.h"

namespace millrace {

namespace {

bool is_reserved(std::string_view name) {
  return name.size() >= 4 && name.starts_with("__") && name.ends_with("__");
}

bool is_apple(std::string_view name, std::string_view base) {
  if (base.starts_with("._") || base == ".DS_Store") return true;
  constexpr std::string_view kFolder = "__MACOSX/";
  const std::size_t at = name.find(kFolder);
  return at == 0 || (at != std::string_view::npos && name[at - 1] == '/');
}

// Where the extension's dot is, or npos. The dot is the first one of the last path component,
// unless that begins with it. Then the key must end in the folders before it: the expression's
// `[^.]+` may cross slashes but no dots, and its `.*` no newline.
std::size_t extension_dot(std::string_view name, std::size_t base_begin) {
  const std::size_t dot = name.find('.', base_begin);
  if (dot == std::string_view::npos || dot == 0) return std::string_view::npos;
  const std::size_t dot_before = name.rfind('.', dot - 1);
  if (dot_before == std::string_view::npos) return dot;
  const std::size_t slash = name.find('/', dot_before);
  if (slash + 1 >= dot) return std::string_view::npos;
  if (name.substr(0, slash).find('\n') != std::string_view::npos) return std::string_view::npos;
  return dot;
}

}  // namespace

MemberName split_member_name(std::string_view name) {
  MemberName result;
  if (is_reserved(name.substr(0, name.find('/')))) {
    result.kind = MemberKind::meta;
    return result;
  }
  const std::size_t last_slash = name.rfind('/');
  const std::size_t base_begin = last_slash == std::string_view::npos ? 0 : last_slash + 1;
  if (is_apple(name, name.substr(base_begin))) {
    result.kind = MemberKind::apple;
    return result;
  }
  const std::size_t dot = extension_dot(name, base_begin);
  if (dot == std::string_view::npos) return result;
  if (is_reserved(name.substr(dot + 1))) {
    result.kind = MemberKind::meta;
    return result;
  }
  result.kind = MemberKind::field;
  result.key = name.substr(0, dot);
  result.extension = name.substr(dot + 1);
  return result;
}

}  // namespace millrace
