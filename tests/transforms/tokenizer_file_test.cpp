#include "millrace/transforms/tokenizers/tokenizer_file.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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
    millrace::tokenizer_from_file(json, {"t.json"}, options_of(8));
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
  options.truncation = millrace::TruncationSide::left;
  Ids ids(2);
  millrace::tokenizer_from_file(json, {"t.json"}, options)->encode("hello", ids);
  CHECK(ids == Ids{300, 'o'});
  millrace::TokenizerFileOptions bare{"t.json"};
  bare.add_special_tokens = false;
  millrace::tokenizer_from_file(json, bare, options)->encode("hello", ids);
  CHECK(ids == Ids{258, 'o'});
}

TEST_CASE("what a tokenizer.json asks for and is not supported is named") {
  CHECK(refusal(tokenizer_json()).empty());
  CHECK(refusal("{").find("tokenizer.json") != std::string::npos);
  CHECK_FALSE(refusal("[]").empty());
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
