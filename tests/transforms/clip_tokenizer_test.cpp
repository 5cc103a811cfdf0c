#include "millrace/transforms/tokenizers/clip_tokenizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/transforms/tokenizers/byte_pairs-inl.h"
#include "reference_data.h"
#include "sanitized_build.h"
#include "slow_clip_tokenizer.h"

namespace {

using Ids = std::vector<std::int64_t>;
using millrace::ClipTokenizer;

Ids encode(std::string_view text, int context_length = 77) {
  Ids ids(static_cast<std::size_t>(context_length), -1);
  ClipTokenizer(context_length).encode(text, ids);
  return ids;
}

/// The ids between start and end.
Ids body(std::string_view text) {
  const Ids ids = encode(text);
  Ids result;
  REQUIRE(ids.front() == ClipTokenizer::kStartId);
  for (std::size_t i = 1; i < ids.size() && ids[i] != ClipTokenizer::kEndId; ++i) {
    result.push_back(ids[i]);
  }
  return result;
}

Ids to_ids(simdjson::dom::element array) {
  Ids ids;
  for (const std::int64_t id : array.get_array()) ids.push_back(id);
  return ids;
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

}  // namespace

TEST_CASE("a caption is framed by start and end and padded with zeros") {
  Ids expected(77, 0);
  const Ids known = {49406, 320, 31139, 1125, 539, 518, 13445, 49407};
  std::copy(known.begin(), known.end(), expected.begin());
  CHECK(encode("a cropped photo of the pitcher") == expected);
  CHECK(encode("  A\tcropped \n PHOTO\x0c of the\xE2\x80\xA8\xC2\xA0pitcher\xE3\x80\x80") ==
        expected);
}

TEST_CASE("an empty text is start and end") {
  Ids expected(77, 0);
  expected[0] = 49406;
  expected[1] = 49407;
  CHECK(encode("") == expected);
  CHECK(encode(" \t\xC2\xA0") == expected);
}

TEST_CASE("a text that does not fit is cut, and the end token stays") {
  const Ids whole = encode("a cropped photo of the pitcher", 8);
  CHECK(whole == Ids{49406, 320, 31139, 1125, 539, 518, 13445, 49407});
  CHECK(encode("a cropped photo of the pitcher", 7) ==
        Ids{49406, 320, 31139, 1125, 539, 518, 49407});
  CHECK(encode("a cropped photo of the pitcher", 2) == Ids{49406, 49407});
  CHECK(encode("a cropped photo of the pitcher", 1) == Ids{49407});
}

TEST_CASE("special tokens in a text are recognised whatever their case") {
  CHECK(body("<start_of_text>") == Ids{49406});
  CHECK(body("x<Start_Of_TEXT>x") == Ids{343, 49406, 343});
  CHECK(encode("<END_OF_TEXT>", 3) == Ids{49406, 49407, 49407});
  // A piece that began before it swallows the bracket.
  CHECK(body("!<start_of_text>").size() > 2);
  // A long s matches the pattern, but what it matches is not the token.
  CHECK(body("<\xC5\xBFtart_of_text>").size() > 2);
  CHECK(body("<\xC5\xBFtart_of_text>") != body("<start_of_text>"));
}

TEST_CASE("contractions are pieces of their own") {
  CHECK(body("it's") == Ids{585, 568});
  CHECK(body("IT'S") == Ids{585, 568});
  CHECK(body("'\xC5\xBF"
             "a")
            .size() == body("'\xC5\xBF").size() + 1);
  // After other punctuation the quote belongs to that.
  CHECK(body("-'s") == [] {
    Ids ids = body("-'");
    const Ids s = body("s");
    ids.insert(ids.end(), s.begin(), s.end());
    return ids;
  }());
}

TEST_CASE("every digit is a piece of its own") { CHECK(body("2024") == Ids{273, 271, 273, 275}); }

TEST_CASE("a capital sigma that ends a word becomes a final sigma") {
  CHECK(body("\xCE\x91\xCE\xA3") == body("\xCE\xB1\xCF\x82"));
  CHECK(body("\xCE\x91\xCE\xA3\xCE\x91") == body("\xCE\xB1\xCF\x83\xCE\xB1"));
  CHECK(body("\xCE\xA3") == body("\xCF\x83"));
  // Full stop and apostrophe are looked past, to the letter before and after them.
  CHECK(body("\xCE\x91.\xCE\xA3") == body("\xCE\xB1.\xCF\x82"));
  CHECK(body("\xCE\x91\xCE\xA3'\xCE\x91") == body("\xCE\xB1\xCF\x83'\xCE\xB1"));
  CHECK(body("\xCE\x91\xCE\xA3'") == body("\xCE\xB1\xCF\x82'"));
}

TEST_CASE("a capital I with a dot becomes an i and a dot, which is no letter") {
  Ids expected = body("i");
  for (const std::int64_t id : body("\xCC\x87!")) expected.push_back(id);
  CHECK(body("\xC4\xB0!") == expected);
  CHECK(encode("\xC4\xB0", 3) == Ids{49406, 328, 49407});
}

TEST_CASE("the combining iota below parts pieces and vanishes") {
  CHECK(body("b\xCD\x85"
             "c") == body("b c"));
}

TEST_CASE("invalid UTF-8 becomes one replacement character per maximal part") {
  const std::string replacement = "\xEF\xBF\xBD";
  CHECK(encode("caf\xE9") == encode("caf" + replacement));
  CHECK(encode("\xFF\xFE") == encode(replacement + replacement));
  CHECK(encode("a\xE2\x82 b") == encode("a" + replacement + " b"));
  CHECK(encode("\xED\xA0\x80") == encode(replacement + replacement + replacement));
  CHECK(encode("\xF0\x9F\x98") == encode(replacement));
}

TEST_CASE("control characters vanish") {
  using namespace std::string_view_literals;
  CHECK(body("\0a\0b\x1F"sv) == body("ab"));
}

TEST_CASE("left truncation keeps the last ids") {
  millrace::TokenizerOptions options;
  options.context_length = 5;
  options.truncation = millrace::RowSide::left;
  options.pad_id = 7;
  const ClipTokenizer tokenizer(options);
  Ids ids(5);
  CHECK(tokenizer.encode("a cropped photo of the pitcher", ids) == 5);
  CHECK(ids == Ids{49406, 539, 518, 13445, 49407});
  CHECK(tokenizer.encode("pitcher", ids) == 3);
  CHECK(ids == Ids{49406, 13445, 49407, 7, 7});
  CHECK(tokenizer.describe() ==
        R"({"type":"clip","context_length":5,"pad_id":7,"truncation":"left"})");
}

TEST_CASE("a caller's mistake is named") {
  CHECK_THROWS_AS(ClipTokenizer(0), std::invalid_argument);
  CHECK_THROWS_AS(ClipTokenizer(65537), std::invalid_argument);
  CHECK_NOTHROW(ClipTokenizer(65536));
  Ids ids(76);
  CHECK_THROWS_AS(ClipTokenizer(77).encode("a", ids), std::invalid_argument);
}

TEST_CASE("the same texts give the same ids, seen before or not, in every thread") {
  std::vector<std::string> texts;
  std::mt19937 random(7);
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (unsigned j = random() % 12; j > 0; --j) {
      text += static_cast<char>('a' + random() % 26);
      if (random() % 4 == 0) text += ' ';
    }
    texts.push_back(text);
  }
  const auto encode_all = [&texts] {
    std::vector<Ids> all;
    for (int round = 0; round < 2; ++round) {
      for (const std::string& text : texts) all.push_back(encode(text, 16));
    }
    return all;
  };
  std::vector<Ids> first;
  std::vector<Ids> second;
  std::thread one([&] { first = encode_all(); });
  std::thread two([&] { second = encode_all(); });
  one.join();
  two.join();
  CHECK(first == second);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    REQUIRE(first[i] == first[i + texts.size()]);
    REQUIRE(first[i] == millrace::test::slow_clip_ids(texts[i], 16));
  }
}

TEST_CASE("hostile mixtures are encoded as step by step") {
  static const std::vector<std::string> parts = {"<start_of_text>",
                                                 "<END_OF_TEXT>",
                                                 "'s",
                                                 "'\xC5\xBF",
                                                 "'RE",
                                                 "'ll",
                                                 "\xCE\xA3",
                                                 "\xCF\x82",
                                                 "\xC4\xB0",
                                                 "\xCC\x87",
                                                 "\xCD\x85",
                                                 "'",
                                                 ".",
                                                 ":",
                                                 "\xCA\xB0",
                                                 "\xE2\x84\xAA",
                                                 "\xE1\xBA\x9E",
                                                 "\xC7\x85",
                                                 "<",
                                                 "</w>",
                                                 "1",
                                                 "\xD9\xA3",
                                                 "\xC2\xB2",
                                                 "\x1F",
                                                 "\xC2\x85",
                                                 " ",
                                                 "\n",
                                                 "A",
                                                 "stra\xC3\x9F\x65",
                                                 "\xF0\x90\x90\x80",
                                                 "\xFF",
                                                 "\xE2\x82",
                                                 "\xF0\x9F\x98\x82",
                                                 "the",
                                                 "photo",
                                                 "ing",
                                                 "aa",
                                                 "!!",
                                                 "..",
                                                 std::string(1, '\0')};
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (unsigned j = random() % 20; j > 0; --j) {
      text += repeated(parts[random() % parts.size()], random() % 16 == 0 ? random() % 40 : 1);
    }
    CAPTURE(text);
    const int context_length = static_cast<int>(1 + random() % 100);
    REQUIRE(encode(text, context_length) == millrace::test::slow_clip_ids(text, context_length));
  }
}

TEST_CASE("a word far longer than what fits is encoded as a whole word would be") {
  std::mt19937 random(3);
  std::vector<std::string> words;
  for (const char* unit : {"a", "ab", "the", "lol", "\xF0\x9F\x98\x82", "\xF0\x9F\x98\x8D", "!",
                           "-=", "in", "\xC4\xB0", "\xE4\xB8\xAD", "\xCE\xA3"}) {
    words.push_back(repeated(unit, 4001));
  }
  for (int i = 0; i < 6; ++i) {
    std::string word;
    for (int j = 0; j < 12000; ++j) word += static_cast<char>('a' + random() % (2 + 4 * i));
    words.push_back(word);
  }
  for (std::size_t i = 0; i < words.size(); i += millrace::test::kSanitizedStride) {
    const std::string& word = words[i];
    CAPTURE(word.substr(0, 40));
    for (const int context_length : {3, 20, 77}) {
      // Enough of the word for the step-by-step encoding, which is quadratic, to see no end of it.
      const std::string part = word.substr(0, std::min<std::size_t>(word.size(), 3600));
      const Ids expected = millrace::test::slow_clip_ids(part, context_length);
      REQUIRE(encode(word, context_length) == expected);
      REQUIRE(encode(part, context_length) == expected);
    }
  }
}

TEST_CASE("the ids of a long word's window are those of the whole word") {
  millrace::BytePairEncoder encoder(millrace::ClipVocabulary::instance());
  std::mt19937 random(5);
  for (unsigned alphabet = 1; alphabet <= 26; alphabet += millrace::test::kSanitizedStride) {
    std::vector<std::uint8_t> word(20000);
    for (auto& letter : word) letter = static_cast<std::uint8_t>('a' + random() % alphabet);
    std::vector<millrace::TokenId> whole(75);
    REQUIRE(encoder.encode(word, true, whole) == whole.size());
    std::vector<millrace::TokenId> windowed(75);
    const std::size_t window = millrace::BytePairEncoder::window_bytes(windowed.size());
    CHECK_FALSE(encoder.encode_prefix({word.data(), window - 1}, windowed));
    REQUIRE(encoder.encode_prefix({word.data(), window}, windowed));
    CHECK(windowed == whole);
  }
}

TEST_CASE("megabytes of text take no more than a moment") {
  const std::clock_t begin = std::clock();  // of CPU time: the machine may have other work
  for (const char* unit : {"a", "ab ", " ", "!", "\xCE\xA3", "\xCC\x87", "'", "\xCE\xA3'", "\xFF",
                           "\xF0\x9F\x98\x82", "<start_of_text", "1", "\xCD\x85", "\xE3\x80\x80"}) {
    const std::size_t bytes = (std::size_t{4} << 20) / millrace::test::kSanitizedStride;
    const std::string text = repeated(unit, bytes / std::string_view(unit).size());
    CAPTURE(unit);
    const Ids ids = encode(text);
    CHECK(ids.front() == ClipTokenizer::kStartId);
  }
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 20.0);
}

TEST_CASE("ids are open_clip's for every text") {
  const auto data = millrace::test::reference_data("open_clip's ids");
  if (!data) return;
  std::size_t same = 0;
  millrace::test::for_each_json_line(*data / "clip_tokenizer" / "cases.jsonl",
                                     [&](simdjson::dom::element row) {
                                       const std::string_view text = row["text"].get_string();
                                       CAPTURE(text);
                                       REQUIRE(encode(text) == to_ids(row["ids77"]));
                                       ++same;
                                     });
  MESSAGE("texts with open_clip's ids: " << same);
  CHECK(same > 0);
}

TEST_CASE("other clean-ups are open_clip's") {
  using millrace::ClipClean;
  const auto data = millrace::test::reference_data("open_clip's other clean-ups");
  if (!data) return;
  millrace::test::for_each_json_line(
      *data / "clip_tokenizer" / "clean_modes.jsonl", [&](simdjson::dom::element row) {
        const std::string_view text = row["text"].get_string();
        CAPTURE(text);
        for (const ClipClean clean : {ClipClean::whitespace, ClipClean::canonicalize}) {
          Ids expected =
              to_ids(row[clean == ClipClean::whitespace ? "ids_whitespace" : "ids_canonicalize"]);
          expected.insert(expected.begin(), ClipTokenizer::kStartId);
          expected.push_back(ClipTokenizer::kEndId);
          millrace::TokenizerOptions options;
          options.context_length = static_cast<int>(expected.size());
          Ids ids(expected.size());
          ClipTokenizer(options, clean).encode(text, ids);
          REQUIRE(ids == expected);
        }
      });
}

TEST_CASE("ids of other context lengths are open_clip's") {
  const auto data = millrace::test::reference_data("open_clip's ids of other context lengths");
  if (!data) return;
  millrace::test::for_each_json_line(
      *data / "clip_tokenizer" / "context_length.jsonl", [&](simdjson::dom::element row) {
        const std::string_view text = row["text"].get_string();
        CAPTURE(text);
        const auto length = static_cast<int>(row["context_length"].get_int64());
        REQUIRE(encode(text, length) == to_ids(row["ids"]));
      });
}

TEST_CASE("invalid UTF-8 is replaced as Python replaces it") {
  const auto data = millrace::test::reference_data("Python's decoding of invalid UTF-8");
  if (!data) return;
  millrace::test::for_each_json_line(
      *data / "clip_tokenizer" / "invalid_utf8.jsonl", [&](simdjson::dom::element row) {
        const std::string bytes = from_hex(row["hex"].get_string());
        CAPTURE(bytes);
        REQUIRE(encode(bytes) == encode(row["replace"].get_string().value()));
      });
}
