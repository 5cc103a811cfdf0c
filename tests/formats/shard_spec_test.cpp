#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/brace_expansion.h"
#include "millrace/formats/shard_spec.h"
#include "scratch_folder.h"

namespace {

using millrace::test::ScratchFolder;
using Strings = std::vector<std::string>;

Strings braces(const std::string& text) {
  CAPTURE(text);
  auto expanded = millrace::expand_braces(text, 1000);
  REQUIRE(expanded);
  return *expanded;
}

TEST_CASE("braces expand as in bash") {
  CHECK(braces("a") == Strings{"a"});
  CHECK(braces("") == Strings{""});
  CHECK(braces("{a,b}{1,2}") == Strings{"a1", "a2", "b1", "b2"});
  CHECK(braces("{008..011}_{a,b}.tar") == Strings{"008_a.tar", "008_b.tar", "009_a.tar",
                                                  "009_b.tar", "010_a.tar", "010_b.tar",
                                                  "011_a.tar", "011_b.tar"});
  CHECK(braces("{9..11}") == Strings{"9", "10", "11"});
  CHECK(braces("{3..1}") == Strings{"3", "2", "1"});
  CHECK(braces("{0..10..5}") == Strings{"0", "5", "10"});
  CHECK(braces("{10..0..5}") == Strings{"10", "5", "0"});
  CHECK(braces("{0..10..-5}") == Strings{"0", "5", "10"});
  CHECK(braces("{1..3..0}") == Strings{"1", "2", "3"});
  CHECK(braces("{-1..1}") == Strings{"-1", "0", "1"});
  CHECK(braces("{-01..1}") == Strings{"-01", "000", "001"});
  CHECK(braces("{1..010..9}") == Strings{"001", "010"});
  CHECK(braces("{a..c}{e..a..2}") == Strings{"ae", "ac", "aa", "be", "bc", "ba", "ce", "cc", "ca"});
  CHECK(braces("{a,{b,c}{1..2},d}") == Strings{"a", "b1", "b2", "c1", "c2", "d"});
  CHECK(braces("x{,y}") == Strings{"x", "xy"});
  CHECK(braces("{a}") == Strings{"{a}"});
  CHECK(braces("{}") == Strings{"{}"});
  CHECK(braces("{a{1,2}}") == Strings{"{a1}", "{a2}"});
  CHECK(braces("{1..x}") == Strings{"{1..x}"});
  CHECK(braces("a,b") == Strings{"a,b"});
  CHECK(braces("\\{a\\,b\\}{c\\,d,e}") == Strings{"{a,b}c,d", "{a,b}e"});
  CHECK(braces("{9223372036854775806..9223372036854775807}") ==
        Strings{"9223372036854775806", "9223372036854775807"});
}

TEST_CASE("braces that are wrong or too many are errors, before anything is made") {
  for (const std::string text : {"{a,b", "a}", "{a,{b}", "{0..99999999999999999999}",
                                 "{0..999999999999}", "{-9223372036854775808..9223372036854775807}",
                                 "{0..99}{0..99}{0..99}{0..99}{0..99}{0..99}"}) {
    CAPTURE(text);
    CHECK_FALSE(millrace::expand_braces(text, 1000));
  }
  CHECK_FALSE(millrace::expand_braces(std::string(1000, '{') + std::string(1000, '}'), 1000));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "{,}";
  CHECK_FALSE(millrace::expand_braces(many, 1000));
  CHECK(millrace::expand_braces("{1..1000}", 1000));
  CHECK_FALSE(millrace::expand_braces("{0..1000}", 1000));
}

struct Shards {
  ScratchFolder folder;
  Shards() {
    for (const char* name :
         {"a-000.tar", "a-001.tar", "a-002.tar", "b-10.tar", "b-9.tar", "c[1].tar"}) {
      folder.write(name, "");
    }
  }
  std::string at(const std::string& name) const { return folder.path(name); }
};

std::string message_of(const Strings& specs, std::size_t max_shards = 1000) {
  const auto expanded = millrace::expand_shard_specs(specs, max_shards);
  if (expanded) return "none";
  CHECK(expanded.error().reason == millrace::Reason::io_error);
  return expanded.error().message;
}

TEST_CASE("specs name existing shards in their order, duplicates kept") {
  const Shards shards;
  const auto paths = millrace::expand_shard_specs(
      Strings{shards.at("a-{002..001}.tar") + "::" + shards.at("b-9.tar"), shards.at("a-001.tar")});
  REQUIRE(paths);
  CHECK(*paths == Strings{shards.at("a-002.tar"), shards.at("a-001.tar"), shards.at("b-9.tar"),
                          shards.at("a-001.tar")});
  const auto url = millrace::expand_shard_specs(Strings{"file://" + shards.at("b-9.tar")});
  REQUIRE(url);
  CHECK(*url == Strings{shards.at("b-9.tar")});
}

TEST_CASE("globs give their matches sorted by bytes, and a name that exists is no glob") {
  const Shards shards;
  const auto paths =
      millrace::expand_shard_specs(Strings{shards.at("b-*.tar"), shards.at("?-00[01].tar")});
  REQUIRE(paths);
  CHECK(*paths == Strings{shards.at("b-10.tar"), shards.at("b-9.tar"), shards.at("a-000.tar"),
                          shards.at("a-001.tar")});
  const auto literal = millrace::expand_shard_specs(Strings{shards.at("c[1].tar")});
  REQUIRE(literal);
  CHECK(*literal == Strings{shards.at("c[1].tar")});
  CHECK(message_of({shards.at("z*.tar")}).starts_with("no shard matches \""));
}

TEST_CASE("a glob takes no sample index, whose shards it names already, unless it asks for one") {
  const ScratchFolder folder;
  for (const char* name : {"a.tar", "all.index", "millrace.index", "millrace.index.partial"}) {
    folder.write(name, "");
  }
  const auto at = [&](const char* name) { return folder.path(name); };
  const auto all = millrace::expand_shard_specs(Strings{at("*")});
  REQUIRE(all);
  CHECK(*all == Strings{at("a.tar")});
  const auto indexes = millrace::expand_shard_specs(Strings{at("*.index")});
  REQUIRE(indexes);
  CHECK(*indexes == Strings{at("all.index"), at("millrace.index")});
  const auto named = millrace::expand_shard_specs(Strings{at("all.index")});
  REQUIRE(named);
  CHECK(*named == Strings{at("all.index")});
  CHECK(message_of(Strings{at("m*")}).starts_with("no shard matches \""));
}

TEST_CASE("variables come from the environment, braces in their values too") {
  const Shards shards;
  ::setenv("MILLRACE_TEST_SHARDS", shards.at("a-{000..001}").c_str(), 1);
  const auto paths = millrace::expand_shard_specs(Strings{"${MILLRACE_TEST_SHARDS}.tar"});
  REQUIRE(paths);
  CHECK(*paths == Strings{shards.at("a-000.tar"), shards.at("a-001.tar")});
  CHECK(message_of({"${MILLRACE_TEST_UNSET_VARIABLE}/x.tar"})
            .starts_with("the environment variable MILLRACE_TEST_UNSET_VARIABLE is not set"));
  CHECK(message_of({"${"}).starts_with("${ without"));
  CHECK(message_of({"${a b}"}).starts_with("${ without"));
}

TEST_CASE("a list holds a spec a line, with comments, blank lines and any line ends") {
  const Shards shards;
  shards.folder.write("inner.txt", shards.at("b-9.tar"));
  shards.folder.write("list.txt", "\xef\xbb\xbf" + shards.at("a-{000,001}.tar") +
                                      "\r\n\n  # comment\n" + "@" + shards.at("inner.txt") + "\n" +
                                      shards.at("a-002.tar"));
  const auto paths = millrace::expand_shard_specs(Strings{"@" + shards.at("list.txt")});
  REQUIRE(paths);
  CHECK(*paths == Strings{shards.at("a-000.tar"), shards.at("a-001.tar"), shards.at("b-9.tar"),
                          shards.at("a-002.tar")});
  CHECK(message_of({"@" + shards.at("no.txt")}).starts_with("cannot open the shard list"));
}

TEST_CASE("a list that contains itself is refused at once, under any name and through others") {
  const Shards shards;
  const auto lines = [](const std::string& line) {
    std::string text;
    for (int i = 0; i < 100; ++i) text += line + "\n";
    return text;
  };
  const std::string again = "@" + shards.at("./again.txt");
  shards.folder.write("again.txt", lines(again));
  CHECK(message_of({"@" + shards.at("again.txt")}) ==
        "a shard list that contains itself: \"" + shards.at("./again.txt") + "\"");
  // Each of the lines would be followed to the greatest depth before an error of depth.
  shards.folder.write("ping.txt", lines("@" + shards.at("pong.txt")));
  shards.folder.write("pong.txt", "@" + shards.at("ping.txt"));
  CHECK(message_of({"@" + shards.at("ping.txt")}).starts_with("a shard list that contains itself"));
  // One after the other is no loop.
  shards.folder.write("one.txt", shards.at("a-000.tar"));
  const std::string one = "@" + shards.at("one.txt");
  shards.folder.write("twice.txt", one + "\n" + one + "::" + one);
  const auto paths = millrace::expand_shard_specs(Strings{"@" + shards.at("twice.txt"), one});
  REQUIRE(paths);
  CHECK(*paths == Strings(4, shards.at("a-000.tar")));
}

TEST_CASE("lists are followed to a depth of eight") {
  const Shards shards;
  shards.folder.write("list-0.txt", shards.at("a-000.tar"));
  for (int i = 1; i <= 8; ++i) {
    shards.folder.write("list-" + std::to_string(i) + ".txt",
                        "@" + shards.at("list-" + std::to_string(i - 1) + ".txt"));
  }
  CHECK(millrace::expand_shard_specs(Strings{"@" + shards.at("list-7.txt")}));
  CHECK(message_of({"@" + shards.at("list-8.txt")}).starts_with("shard lists nested too deep"));
}

TEST_CASE("missing shards are named: the first, and how many more") {
  const Shards shards;
  CHECK(message_of({shards.at("z.tar")}) ==
        "shard not found: " + shards.at("z.tar") + " (No such file or directory)");
  CHECK(message_of({shards.at("a-{000..009}.tar")}) ==
        "shard not found: " + shards.at("a-003.tar") + " (No such file or directory) (and 6 more)");
}

TEST_CASE("commands, remote shards, empty specs and too many shards are refused") {
  CHECK(message_of({"pipe:cat x.tar"}).starts_with("commands are not run"));
  CHECK(message_of({"s3://bucket/{0..1}.tar"}).starts_with("remote shards (s3://)"));
  CHECK(message_of({"https://host/x.tar"}).starts_with("remote shards (https://)"));
  CHECK(message_of({""}) == "an empty shard spec");
  CHECK(message_of({"a::"}) == "an empty shard spec");
  CHECK(message_of({"{,}"}) == "an empty shard path");
  CHECK(
      message_of({"x-{0..999999999999}.tar"}, 10'000'000).starts_with("more than 10000000 shards"));
  const Shards shards;
  CHECK(message_of({shards.at("a-*.tar")}, 2) == "more than 2 shards");
  CHECK(message_of({shards.at("a-000.tar"), shards.at("{a-000,a-001}.tar")}, 2)
            .starts_with("more than 1 shards in"));
}

}  // namespace
