#include <string_view>

#include <doctest/doctest.h>

#include "millrace/formats/tar/member_name.h"

namespace {

using millrace::MemberKind;
using millrace::split_member_name;

void check_field(std::string_view name, std::string_view key, std::string_view extension) {
  CAPTURE(name);
  const millrace::MemberName split = split_member_name(name);
  CHECK(split.kind == MemberKind::field);
  CHECK(split.key == key);
  CHECK(split.extension == extension);
}

void check_kind(std::string_view name, MemberKind kind) {
  CAPTURE(name);
  CHECK(split_member_name(name).kind == kind);
}

TEST_CASE("a member's key ends at the first dot of its last component") {
  check_field("a.jpg", "a", "jpg");
  check_field("a/b.c/d.seg.JPG", "a/b.c/d", "seg.JPG");
  check_field("000.5.jpg", "000", "5.jpg");
  check_field("./a.jpg", "./a", "jpg");
  check_field("../h.jpg", "../h", "jpg");
  check_field("b..jpg", "b", ".jpg");
  check_field("c.", "c", "");
  check_field("x.jpg/y.jpg", "x.jpg/y", "jpg");
  check_field("q\nr.jpg", "q\nr", "jpg");
  check_field("\xff\xfe.jpg", "\xff\xfe", "jpg");
}

TEST_CASE("a dotfile belongs to the folder before it, if that has no dot") {
  check_field("dir/.x.jpg", "dir/", "x.jpg");
  check_field("p.q/r/.x", "p.q/r/", "x");
  check_kind("dir.d/.x.jpg", MemberKind::without_extension);
  check_kind("./.x.jpg", MemberKind::without_extension);
  check_kind(".hidden.jpg", MemberKind::without_extension);
  // A regular expression's dot matches no newline.
  check_kind("a.b\n/c/.x", MemberKind::without_extension);
}

TEST_CASE("names without an extension make no field") {
  check_kind("", MemberKind::without_extension);
  check_kind("noext", MemberKind::without_extension);
  check_kind("a.b/noext", MemberKind::without_extension);
  check_kind("folder/", MemberKind::without_extension);
}

TEST_CASE("meta members are those in a top folder of two underscores on both sides") {
  check_kind("__x__/a.jpg", MemberKind::meta);
  check_kind("__x__", MemberKind::meta);
  check_kind("____/a.jpg", MemberKind::meta);
  check_field("__meta__.json", "__meta__", "json");
  check_field("___/a.jpg", "___/a", "jpg");
  check_field("sub/__x__/d.jpg", "sub/__x__/d", "jpg");
  check_field("__y/e.jpg", "__y/e", "jpg");
}

TEST_CASE("field names that millrace itself uses are reserved") {
  check_kind("a.__key__", MemberKind::meta);
  check_field("a.__key", "a", "__key");
}

TEST_CASE("what macOS leaves behind is told apart") {
  check_kind("__MACOSX/._a.jpg", MemberKind::apple);
  check_kind("sub/__MACOSX/a.jpg", MemberKind::apple);
  check_kind("sub/._a.jpg", MemberKind::apple);
  check_kind(".DS_Store", MemberKind::apple);
  check_field("my__MACOSX/a.jpg", "my__MACOSX/a", "jpg");
}

}  // namespace
