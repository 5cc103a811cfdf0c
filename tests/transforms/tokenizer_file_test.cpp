#include "millrace/transforms/tokenizers/tokenizer_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/transforms/column.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/byte_letters-inl.h"
#include "millrace/transforms/tokenizers/split_pattern-inl.h"
#include "reference_data.h"

namespace {

using Ids = std::vector<std::int64_t>;

constexpr std::string_view kGpt2 =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";

/// A tokenizer.json whose ids 0 to 255 are the bytes; "he" is 256, "ll" 257, "hell" 258, " w" 259,
/// "<s>" 300.
std::string tokenizer_json(std::string_view model_more = "", std::string_view root_more = "",
                           std::string_view pre_tokenizer = kGpt2) {
  std::string vocab;
  std::array<std::string, 256> letters;
  for (const auto& [byte, letter] : millrace::byte_letters()) {
    std::array<char, 4> utf8{};
    letters[byte] = std::string(utf8.data(), millrace::encode_utf8(letter, utf8.data()));
  }
  for (std::size_t byte = 0; byte < letters.size(); ++byte) {
    const std::string escaped = letters[byte] == "\"" || letters[byte] == "\\" ? "\\" : "";
    vocab += "\"" + escaped + letters[byte] + "\":" + std::to_string(byte) + ",";
  }
  vocab += "\"he\":256,\"ll\":257,\"hell\":258,\"" + letters[' '] + "w\":259,\"unused\":260";
  std::string merges = R"("h e",["l","l"],"he ll",")" + letters[' '] + " w\"";
  return R"({"added_tokens":[{"id":300,"content":"<s>","single_word":false,"lstrip":false,)"
         R"("rstrip":false,"normalized":false,"special":true}],"pre_tokenizer":)" +
         std::string(pre_tokenizer) + R"(,"model":{"type":"BPE","vocab":{)" + vocab +
         R"(},"merges":[)" + merges + "]" + std::string(model_more) + "}" + std::string(root_more) +
         "}";
}

millrace::TokenizerOptions options_of(int context_length, std::int64_t pad_id = 9) {
  millrace::TokenizerOptions options;
  options.context_length = context_length;
  options.pad_id = pad_id;
  return options;
}

Ids encode(const std::string& json, std::string_view text, int context_length = 12) {
  const auto tokenizer =
      millrace::tokenizer_from_file(json, {"t.json"}, options_of(context_length));
  Ids ids(static_cast<std::size_t>(context_length));
  ids.resize(tokenizer->encode(text, ids));
  return ids;
}

std::string refusal(const std::string& json) {
  try {
    millrace::tokenizer_from_file(json, {"dir/t.json"}, options_of(8));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> pieces(millrace::SplitPattern pattern, std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    bool is_gap = false;
    const std::size_t length = millrace::next_piece(pattern, text, is_gap);
    REQUIRE(length > 0);
    if (!is_gap) found.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return found;
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("merges go by their rank, and words by themselves") {
  CHECK(encode(tokenizer_json(), "hello") == Ids{258, 'o'});
  CHECK(encode(tokenizer_json(), "hello w") == Ids{258, 'o', 259});
  CHECK(encode(tokenizer_json(), "hell<s>he") == Ids{258, 300, 256});
  CHECK(encode(tokenizer_json(), "\xFF") == Ids{0xEF, 0xBF, 0xBD});
  CHECK(encode(tokenizer_json(), "").empty());
}

TEST_CASE("a text in one vocabulary entry is that where merges are ignored") {
  CHECK(encode(tokenizer_json(), "unused").size() == 6);
  CHECK(encode(tokenizer_json(R"(,"ignore_merges":true)"), "unused") == Ids{260});
}

TEST_CASE("a file's begin and end tokens stay when its text is cut") {
  const std::string json = tokenizer_json(
      "", R"(,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":)"
          R"({"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],)"
          R"("special_tokens":{"<s>":{"id":"<s>","ids":[300],"tokens":["<s>"]}}})");
  CHECK(encode(json, "hello", 2) == Ids{300, 258});
  CHECK(encode(json, "hello", 9) == Ids{300, 258, 'o'});
  millrace::TokenizerOptions options = options_of(2);
  options.truncation = millrace::RowSide::left;
  Ids ids(2);
  millrace::tokenizer_from_file(json, {"t.json"}, options)->encode("hello", ids);
  CHECK(ids == Ids{300, 'o'});
  millrace::TokenizerFileOptions bare{"t.json"};
  bare.add_special_tokens = false;
  millrace::tokenizer_from_file(json, bare, options)->encode("hello", ids);
  CHECK(ids == Ids{258, 'o'});
}

TEST_CASE("a file's sides of padding and truncation are those of options that do not say") {
  using millrace::RowSide;
  // `direction` of padding and truncation as the file has it, in rows of 5 padded with 7.
  const auto json = [](const std::string& padding, const std::string& truncation) {
    return tokenizer_json(
        "", R"(,"padding":{"strategy":{"Fixed":9},"direction":")" + padding +
                R"(","pad_to_multiple_of":null,"pad_id":7,"pad_type_id":0,"pad_token":"p"},)" +
                R"("truncation":{"direction":")" + truncation +
                R"(","max_length":3,"strategy":"LongestFirst","stride":0})");
  };
  const auto tokenizer_of = [](const std::string& file, std::optional<RowSide> padding = {},
                               std::optional<RowSide> truncation = {}) {
    millrace::TokenizerOptions options;
    options.context_length = 5;
    options.padding = padding;
    options.truncation = truncation;
    return millrace::tokenizer_from_file(file, {"t.json"}, options);
  };
  const auto row = [](const millrace::Tokenizer& tokenizer, std::string_view text) {
    Ids ids(5, -1);
    tokenizer.encode(text, ids);
    return ids;
  };
  const std::string left = json("Left", "Left");
  CHECK(row(*tokenizer_of(left), "he w") == Ids{7, 7, 7, 256, 259});
  CHECK(row(*tokenizer_of(left), "abcdefg") == Ids{'c', 'd', 'e', 'f', 'g'});
  CHECK(row(*tokenizer_of(left, RowSide::right), "he w") == Ids{256, 259, 7, 7, 7});
  CHECK(row(*tokenizer_of(left, {}, RowSide::right), "abcdefg") == Ids{'a', 'b', 'c', 'd', 'e'});
  CHECK(row(*tokenizer_of(json("Right", "Left")), "he w") == Ids{256, 259, 7, 7, 7});
  CHECK(row(*tokenizer_of(json("Left", "Right")), "abcdefg") == Ids{'a', 'b', 'c', 'd', 'e'});

  // A description has what is not so by itself, whatever the option was called.
  const auto ending = [](const millrace::Tokenizer& tokenizer) {
    const std::string description = tokenizer.describe();
    return description.substr(description.find(R"("context_length")"));
  };
  CHECK(ending(*tokenizer_of(left)) == R"("context_length":5})");
  CHECK(ending(*tokenizer_of(left, RowSide::left, RowSide::left)) == R"("context_length":5})");
  CHECK(ending(*tokenizer_of(left, RowSide::right, RowSide::right)) ==
        R"("context_length":5,"truncation":"right","padding":"right"})");
  CHECK(ending(*tokenizer_of(json("Right", "Right"), RowSide::left)) ==
        R"("context_length":5,"padding":"left"})");
}

TEST_CASE("left padding goes before the begin token, and the mask with it") {
  millrace::TokenizerOptions options;
  options.context_length = 6;
  options.padding = millrace::RowSide::left;
  const auto tokenizer = millrace::hugging_face_clip_tokenizer(options);
  Ids ids(6);
  Ids mask(6, -1);
  const std::size_t own_ids = tokenizer->encode("a cat", ids);
  CHECK(own_ids == 4);
  CHECK(ids == Ids{49407, 49407, 49406, 320, 2368, 49407});
  tokenizer->write_mask(own_ids, mask);
  CHECK(mask == Ids{0, 0, 1, 1, 1, 1});
  CHECK(tokenizer->describe() == R"({"type":"hf_clip","context_length":6,"padding":"left"})");
  CHECK_THROWS_AS(tokenizer->write_mask(4, std::span(mask).first(5)), std::invalid_argument);
  tokenizer->write_mask(tokenizer->encode("a cat a cat a cat", ids), mask);
  CHECK(mask == Ids{1, 1, 1, 1, 1, 1});

  const auto column = millrace::attention_mask("txt", tokenizer);
  millrace::StageTimes times;
  const std::string_view text = "a cat";
  const auto written = column.transform->make_writer()->write(
      {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
      std::as_writable_bytes(std::span(mask)), {}, times);
  CHECK(written.has_value());
  CHECK(mask == Ids{0, 0, 1, 1, 1, 1});
}

TEST_CASE("the last ids of a text stay, however long it is") {
  millrace::TokenizerOptions options = options_of(5);
  options.truncation = millrace::RowSide::left;
  const auto tokenizer = millrace::tokenizer_from_file(tokenizer_json(), {"t.json"}, options);
  std::string text;
  for (char c = 'a'; c <= 'z'; ++c) {
    text += c;
    Ids ids(5);
    const std::size_t count = tokenizer->encode(text, ids);
    CHECK(count == std::min<std::size_t>(text.size(), 5));
    for (std::size_t i = 0; i < count; ++i) CHECK(ids[i] == text[text.size() - count + i]);
  }
}

TEST_CASE("a space is put before what begins without one, as add_prefix_space has it") {
  const std::string byte_level =
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";
  const std::string whole =
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":false})";
  for (const std::string& pre_tokenizer : {byte_level, whole}) {
    const std::string json = tokenizer_json("", "", pre_tokenizer);
    CHECK(encode(json, "hello") == Ids{' ', 258, 'o'});
    CHECK(encode(json, "w") == Ids{259});
    CHECK(encode(json, "  w") == Ids{' ', 259});
    CHECK(encode(json, "\tw") == Ids{' ', '\t', 'w'});
    CHECK(encode(json, "").empty());
    CHECK(encode(json, "<s>") == Ids{300});
    CHECK(encode(json, "hell<s>w") == Ids{' ', 258, 300, 259});
    CHECK(encode(json, "w.w w") == Ids{259, '.', 'w', 259});
    CHECK(encode(json, "12w") == Ids{' ', '1', '2', 'w'});
  }
  // Behind another pre-tokenizer it is each of its pieces.
  const std::string llama3 =
      R"({"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|)"
      R"(\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},)"
      R"("behavior":"Isolated","invert":false})";
  const std::string json = tokenizer_json(
      "", "", R"({"type":"Sequence","pretokenizers":[)" + llama3 + "," + whole + "]}");
  CHECK(encode(json, "w.w w") == Ids{259, ' ', '.', 'w', 259});
  CHECK(encode(json, "12w") == Ids{' ', '1', '2', 259});
}

TEST_CASE("what a tokenizer.json asks for and is not supported is named") {
  CHECK(refusal(tokenizer_json()).empty());
  CHECK(refusal("{").starts_with("dir/t.json: "));
  CHECK(refusal("{}").find("model") != std::string::npos);
  CHECK(refusal("[]").find("no object") != std::string::npos);
  CHECK(refusal(tokenizer_json(R"(,"byte_fallback":true)")).find("byte_fallback") !=
        std::string::npos);
  CHECK(refusal(tokenizer_json(R"(,"dropout":0.1)")).find("dropout") != std::string::npos);
  CHECK(refusal(tokenizer_json("", R"(,"normalizer":{"type":"BertNormalizer"})"))
            .find("BertNormalizer") != std::string::npos);
  CHECK(refusal(tokenizer_json("", "", R"({"type":"Metaspace"})")).find("Metaspace") !=
        std::string::npos);
  CHECK(refusal(tokenizer_json(
                    "", "", R"({"type":"Split","pattern":{"Regex":"\\d"},"behavior":"Isolated"})"))
            .find("\\d") != std::string::npos);
  CHECK(refusal(tokenizer_json("", R"(,"padding":{"pad_id":7,"direction":"left"})"))
            .find("the direction \"left\"") != std::string::npos);
  CHECK(refusal(tokenizer_json("", R"(,"truncation":{"direction":1})")).find("direction") !=
        std::string::npos);
  CHECK(refusal(tokenizer_json("", R"(,"truncation":"Left")")).find("truncation") !=
        std::string::npos);
  millrace::TokenizerOptions unpadded;
  CHECK_THROWS_AS(millrace::tokenizer_from_file(tokenizer_json(), {"t.json"}, unpadded),
                  std::invalid_argument);
}

TEST_CASE("a description tells one content from another") {
  const auto describe = [](const std::string& json) {
    return millrace::tokenizer_from_file(json, {"a \"b\".json"}, options_of(8))->describe();
  };
  CHECK(describe(tokenizer_json()).find(R"("file":"a \"b\".json")") != std::string::npos);
  CHECK(describe(tokenizer_json()) != describe(tokenizer_json(R"(,"ignore_merges":true)")));
}

TEST_CASE("text is parted as the known patterns part it") {
  using millrace::SplitPattern;
  CHECK(pieces(SplitPattern::gpt2, "I'm  2024\n\n x!? ") ==
        Pieces{"I", "'m", " ", " 2024", "\n\n", " x", "!?", " "});
  CHECK(pieces(SplitPattern::llama3, "I'M 2024\r\n  $x  \n y") ==
        Pieces{"I", "'M", " ", "202", "4", "\r\n", " ", " $", "x", "  \n", " y"});
  CHECK(pieces(SplitPattern::qwen2, "20 !?\n\na") == Pieces{"2", "0", " !?\n\n", "a"});
  CHECK(pieces(SplitPattern::clip, "it's 12 -'s") == Pieces{"it", "'s", "1", "2", "-'", "s"});
}

TEST_CASE("Hugging Face's CLIP tokenizer gives its ids for every text") {
  const auto data = millrace::test::reference_data("Hugging Face's CLIP ids");
  if (!data) return;
  const auto tokenizer = millrace::hugging_face_clip_tokenizer({});
  CHECK(tokenizer->describe() == R"({"type":"hf_clip","context_length":77})");
  Ids ids(77);
  millrace::test::for_each_json_line(*data / "clip_tokenizer" / "cases.jsonl",
                                     [&](simdjson::dom::element row) {
                                       simdjson::dom::array expected;
                                       if (row["hf_ids77"].get(expected) != simdjson::SUCCESS)
                                         return;
                                       const std::string_view text = row["text"].get_string();
                                       Ids wanted;
                                       for (const std::int64_t id : expected) wanted.push_back(id);
                                       CAPTURE(text);
                                       tokenizer->encode(text, ids);
                                       REQUIRE(ids == wanted);
                                     });
}
