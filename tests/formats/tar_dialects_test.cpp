#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <doctest/doctest.h>

#include "millrace/formats/tar/tar_header.h"
#include "millrace/formats/tar/tar_reader.h"
#include "millrace/formats/tar/tar_sparse.h"
#include "tar_maker.h"
#include "text.h"

namespace {

namespace tar = millrace::tar;
using millrace::test::TarMaker;
using Files = std::vector<std::pair<std::string, std::string>>;

Files files_of(const std::vector<std::uint8_t>& bytes) {
  Files files;
  tar::Reader reader(bytes, 0);
  tar::Member member;
  while (reader.next(member) == tar::Event::member) {
    if (!member.is_file) continue;
    std::vector<std::uint8_t> expanded;
    tar::Bytes data = member.data;
    if (member.sparse != tar::SparseFormat::none) {
      REQUIRE(tar::expand_sparse(member, 1 << 20, expanded));
      data = expanded;
    }
    files.emplace_back(member.name, std::string(data.begin(), data.end()));
  }
  return files;
}

Files files_of(const TarMaker& maker) { return files_of(maker.bytes()); }

std::vector<std::uint8_t> write_with_libarchive(const char* format, const Files& files) {
  std::vector<std::uint8_t> buffer(std::size_t{1} << 20);
  std::size_t used = 0;
  const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
  REQUIRE(archive_write_set_format_by_name(writer.get(), format) == ARCHIVE_OK);
  archive_write_open_memory(writer.get(), buffer.data(), buffer.size(), &used);
  for (const auto& [name, data] : files) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 1'700'000'000, 123'456'789);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(data.size()));
    REQUIRE(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK);
    archive_write_data(writer.get(), data.data(), data.size());
  }
  archive_write_close(writer.get());
  buffer.resize(used);
  return buffer;
}

TEST_CASE("what libarchive writes in each tar format is read back") {
  const std::string folder(80, 'd');
  const Files short_names = {{"a.jpg", std::string(513, 'j')}, {"a.txt", ""}, {"b.txt", "b"}};
  Files ustar_names = short_names;
  ustar_names.emplace_back(folder + "/" + std::string(90, 'n') + ".jpg", "split name");
  Files long_names = ustar_names;
  long_names.emplace_back(folder + "/" + std::string(200, 'n') + ".jpg", "long name");
  long_names.emplace_back(folder + "/" + folder + "/" + folder + "/" + folder + ".txt", "deep");

  CHECK(files_of(write_with_libarchive("v7tar", short_names)) == short_names);
  CHECK(files_of(write_with_libarchive("ustar", ustar_names)) == ustar_names);
  CHECK(files_of(write_with_libarchive("gnutar", long_names)) == long_names);
  CHECK(files_of(write_with_libarchive("pax", long_names)) == long_names);
  CHECK(files_of(write_with_libarchive("rpax", long_names)) == long_names);
}

TEST_CASE("numbers are octal with blanks around them, or base-256") {
  const auto parse = [](std::string text) {
    text.resize(12);
    return tar::parse_number(millrace::test::bytes_of(text));
  };
  CHECK(parse("00000002454") == 02454u);
  CHECK(parse("        2454") == 02454u);
  CHECK(parse("  31 ") == 031u);
  CHECK(parse("") == 0u);
  CHECK(parse("            ") == 0u);
  CHECK(parse("777777777777") == 0777777777777u);
  CHECK_FALSE(parse("-1"));
  CHECK_FALSE(parse("12x"));
  CHECK_FALSE(parse("8"));
  CHECK_FALSE(parse("1 2"));
  CHECK(parse(std::string("\x80\0\0\0\0\0\0\0\0\0\x01\x02", 12)) == 258u);
  CHECK(parse(std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12)) ==
        0x7fffffffffffffffu);
  CHECK_FALSE(parse(std::string("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12)));
  CHECK_FALSE(parse("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
}

TEST_CASE("decimal numbers are digits only and fit 63 bits") {
  CHECK(tar::parse_decimal("0") == 0u);
  CHECK(tar::parse_decimal("9223372036854775807") == 9223372036854775807u);
  CHECK_FALSE(tar::parse_decimal("9223372036854775808"));
  CHECK_FALSE(tar::parse_decimal("99999999999999999999999"));
  CHECK_FALSE(tar::parse_decimal(""));
  CHECK_FALSE(tar::parse_decimal("-1"));
  CHECK_FALSE(tar::parse_decimal("1 "));
}

TEST_CASE("checksums summed over signed bytes are right too") {
  TarMaker::Header header;
  header.name = "caf\xe9.txt";
  header.size = 1;
  header.signed_checksum = true;
  CHECK(files_of(TarMaker().header(header).payload("x").end()) == Files{{"caf\xe9.txt", "x"}});
}

TEST_CASE("the prefix field is a prefix only with POSIX's magic") {
  TarMaker::Header header;
  header.name = "c.txt";
  header.prefix = "p";
  CHECK(files_of(TarMaker().header(header).end()) == Files{{"p/c.txt", ""}});
  header.prefix = std::string(155, 'p');
  header.name = std::string(100, 'n');
  CHECK(files_of(TarMaker().header(header).end()) ==
        Files{{header.prefix + "/" + header.name, ""}});
  header.magic = TarMaker::Magic::gnu;
  CHECK(files_of(TarMaker().header(header).end()) == Files{{header.name, ""}});
  header.magic = TarMaker::Magic::none;
  CHECK(files_of(TarMaker().header(header).end()) == Files{{header.name, ""}});
}

TEST_CASE("PAX records override name and size, the first header that speaks winning") {
  TarMaker maker;
  maker.pax({"path=first.txt"}).pax({"path=second.txt", "size=3"});
  TarMaker::Header header;
  header.name = "x";
  header.size = 0;
  maker.header(header).payload("abc");
  maker.pax({"path=a.txt", "path=b.txt"}, 'X').file("x", "solaris");
  maker.pax({"path=p.txt"}).long_name("l.txt").file("x", "pax before long name");
  maker.pax({"comment=a\n12 path=z\n"}).file("comment.txt", "newlines in a value");
  maker.pax({}).file("empty.txt", "no records").end();
  CHECK(files_of(maker) == Files{{"first.txt", "abc"},
                                 {"b.txt", "solaris"},
                                 {"p.txt", "pax before long name"},
                                 {"comment.txt", "newlines in a value"},
                                 {"empty.txt", "no records"}});
}

TEST_CASE("malformed PAX records are damage, records without an equals sign are not") {
  const auto damage_of = [](const std::string& payload) {
    TarMaker maker;
    maker.entry("PaxHeaders/x", 'x', payload).file("a.txt", "1").end();
    tar::Reader reader(maker.bytes(), 0);
    tar::Member member;
    return reader.next(member) == tar::Event::member ? "" : reader.damage();
  };
  CHECK(damage_of("12 abcdefgh\n").empty());
  CHECK(damage_of(std::string("12 a=bcdefg\n\0\0\0\0", 16)).empty());
  for (const std::string bad :
       {"99 path=zz.jpg\n", "0 a=b\n", "a=b\n", "13 path=b.txt\n", "15 path=b.txt\n", "-1 a=b\n",
        "12 path=b.txt\n", "99999999999999999999 a=b\n", "11 size=-1\n", "10 size=x\n", "5 a=b"}) {
    CAPTURE(bad);
    CHECK(damage_of(bad) == "malformed PAX extended header");
  }
}

TEST_CASE("old GNU sparse files expand, with extension blocks") {
  TarMaker maker;
  TarMaker::Header header;
  header.name = "s.bin";
  header.type = 'S';
  header.magic = TarMaker::Magic::gnu;
  header.size = 6;
  maker.header(header);
  std::string extension(512, '\0');
  const auto octal = [](std::uint64_t value) {
    std::string text(11, '0');
    for (std::size_t i = 11; i-- > 0; value >>= 3) {
      text[i] = static_cast<char>('0' + (value & 7));
    }
    return text;
  };
  std::vector<std::uint8_t> bytes = maker.bytes();
  const auto put = [&](std::size_t at, const std::string& text) {
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<long>(at));
  };
  for (std::size_t i = 0; i < 4; ++i) {
    put(386 + 24 * i, octal(10 * i));
    put(386 + 24 * i + 12, octal(1));
  }
  bytes[482] = 1;
  put(483, octal(100));
  millrace::test::fix_checksum(bytes, 0);
  extension.replace(0, 11, octal(90));
  extension.replace(12, 11, octal(2));
  TarMaker rest;
  rest.raw(extension).payload("0123ab").file("t.txt", "after").end();
  bytes.insert(bytes.end(), rest.bytes().begin(), rest.bytes().end());

  std::string expected(100, '\0');
  for (std::size_t i = 0; i < 4; ++i) expected[10 * i] = static_cast<char>('0' + i);
  expected.replace(90, 2, "ab");
  CHECK(files_of(bytes) == Files{{"s.bin", expected}, {"t.txt", "after"}});
}

TEST_CASE("PAX sparse files of formats 0.0, 0.1 and 1.0 expand") {
  std::string expected(50, '\0');
  expected.replace(5, 2, "ab");
  expected.replace(40, 3, "cde");
  TarMaker maker;
  maker.pax({"path=a.bin", "GNU.sparse.size=50", "GNU.sparse.numblocks=2", "GNU.sparse.offset=5",
             "GNU.sparse.numbytes=2", "GNU.sparse.offset=40", "GNU.sparse.numbytes=3"});
  maker.file("x", "abcde");
  maker.pax(
      {"path=wrong", "GNU.sparse.size=50", "GNU.sparse.map=5,2,40,3", "GNU.sparse.name=b.bin"});
  maker.file("x", "abcde");
  maker.pax({"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=c.bin",
             "GNU.sparse.realsize=50"});
  const std::string map = "2\n5\n2\n40\n3\n";
  maker.file("x", map + std::string(512 - map.size(), '\0') + "abcde").end();
  CHECK(files_of(maker) == Files{{"a.bin", expected}, {"b.bin", expected}, {"c.bin", expected}});
}

TEST_CASE("a member's size may not reach past the shard, however large it says it is") {
  for (const std::string size :
       {"77777777777", "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"}) {
    TarMaker::Header header;
    header.name = "a.jpg";
    header.size_field =
        size.size() == 11 ? size : std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
    const TarMaker maker = TarMaker().header(header).payload("1").end();
    tar::Reader reader(maker.bytes(), 0);
    tar::Member member;
    CHECK(reader.next(member) == tar::Event::damaged_payload);
    CHECK(member.name == "a.jpg");
  }
}

}  // namespace
