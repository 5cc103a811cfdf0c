#include "millrace/transforms/tokenizers/sentencepiece_tokenizer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "allocation_counter.h"
#include "piece_models.h"
#include "reference_data.h"

namespace {

using Ids = std::vector<std::int64_t>;
using millrace::SentencePieceKind;
using millrace::test::PieceModel;
using millrace::test::small_piece_model;

std::shared_ptr<const millrace::Tokenizer> make(const std::string& file,
                                                SentencePieceKind kind = SentencePieceKind::plain,
                                                int context_length = 16) {
  millrace::SentencePieceOptions options;
  options.name = "m.model";
  options.kind = kind;
  millrace::TokenizerOptions shape;
  shape.context_length = context_length;
  return millrace::sentencepiece_tokenizer(file, options, shape);
}

/// The text's own ids, without padding.
Ids encode(const PieceModel& model, std::string_view text,
           SentencePieceKind kind = SentencePieceKind::plain) {
  const auto tokenizer = make(model.serialized(), kind);
  Ids ids(16);
  ids.resize(tokenizer->encode(text, ids));
  return ids;
}

std::string refusal(const std::string& file, SentencePieceKind kind = SentencePieceKind::plain) {
  try {
    make(file, kind);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a unigram model gives the pieces with the best sum of scores") {
  const PieceModel model = small_piece_model();
  CHECK(encode(model, "ab") == Ids{7});
  CHECK(encode(model, "ba ab") == Ids{3, 5, 4, 7});
  CHECK(encode(model, "photo") == Ids{3, 9});
  CHECK(encode(model, "").empty());
  CHECK(encode(model, "   ").empty());
}

TEST_CASE("spaces are collapsed and marked, unless the model keeps them") {
  PieceModel model = small_piece_model();
  CHECK(encode(model, "  a   c ") == Ids{3, 4, 3, 8});
  model.remove_extra_whitespaces = false;
  CHECK(encode(model, " a  c ") == Ids{3, 3, 4, 3, 3, 8, 3});
  model.add_dummy_prefix = false;
  CHECK(encode(model, "ab") == Ids{6});
}

TEST_CASE("a run of unknown characters is one id, or one for each of their bytes") {
  PieceModel model = small_piece_model();
  CHECK(encode(model, "axyc") == Ids{3, 4, 2, 8});
  model.byte_fallback = true;
  CHECK(has(refusal(model.serialized()), "a piece for every byte"));
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    model.pieces.push_back({std::string("<0x") + kDigits[byte >> 4U] + kDigits[byte & 15U] + ">", 0,
                            PieceModel::kByte});
  }
  CHECK(encode(model, "a\xC3\xA9") == Ids{3, 4, 10 + 0xC3, 10 + 0xA9});
}

TEST_CASE("what is not UTF-8 is U+FFFD") {
  PieceModel model = small_piece_model();
  model.pieces.push_back({"\xEF\xBF\xBD", -1});
  CHECK(encode(model, "a\xC3") == Ids{3, 4, 10});
  CHECK(encode(model, "\xE2\x82 a\xFF\xFF") == Ids{3, 10, 3, 4, 10, 10});
}

TEST_CASE("user-defined pieces are taken whole, the longest where several fit") {
  PieceModel model = small_piece_model();
  model.pieces.push_back({"bc", 0, PieceModel::kUserDefined});
  model.pieces.push_back({"bcc", 0, PieceModel::kUserDefined});
  CHECK(encode(model, "abc") == Ids{3, 4, 10});
  CHECK(encode(model, "abccc") == Ids{3, 4, 11, 8});
}

TEST_CASE("characters are replaced before the text is parted") {
  PieceModel model = small_piece_model();
  model.charsmap = millrace::test::character_map('X', "ab");
  CHECK(encode(model, "X") == Ids{7});
  CHECK(encode(model, "aXc") == Ids{3, 4, 6, 8});
  model.charsmap = millrace::test::character_map('X', " ");
  CHECK(encode(model, "XXaXX Xa") == Ids{3, 4, 3, 4});
}

TEST_CASE("BPE merges the best-scored pair first, and parts unused pieces again") {
  PieceModel model = small_piece_model();
  model.model_type = 2;
  model.pieces = {{"<unk>", 0, PieceModel::kUnknown},
                  {"a", -9},
                  {"b", -9},
                  {"c", -9},
                  {"ab", -2},
                  {"bc", -1},
                  {"abc", -3},
                  {"\xE2\x96\x81", -9}};
  const auto tokenizer_of = [&] {
    millrace::TokenizerOptions options;
    options.context_length = 8;
    options.pad_id = 0;
    return millrace::sentencepiece_tokenizer(model.serialized(), {"m.model"}, options);
  };
  const auto ids_of = [&](std::string_view text) {
    Ids ids(8);
    ids.resize(tokenizer_of()->encode(text, ids));
    return ids;
  };
  CHECK(ids_of("ab") == Ids{7, 4});
  CHECK(ids_of("abc") == Ids{7, 6});
  CHECK(ids_of("abab") == Ids{7, 4, 4});
  model.pieces[6].type = PieceModel::kUnused;
  CHECK(ids_of("abc") == Ids{7, 1, 5});
  model.pieces[5].type = PieceModel::kUnused;
  CHECK(ids_of("abc") == Ids{7, 1, 2, 3});
  model.pieces[2].type = PieceModel::kUnused;
  CHECK(ids_of("abc") == Ids{7, 1, 0, 3});
}

TEST_CASE("the kinds end and pad as those they are called after") {
  const std::string file = small_piece_model().serialized();
  const auto all = [&](SentencePieceKind kind, std::string_view text) {
    Ids ids(6);
    make(file, kind, 6)->encode(text, ids);
    return ids;
  };
  CHECK(all(SentencePieceKind::plain, "ab c") == Ids{7, 3, 8, 0, 0, 0});
  CHECK(all(SentencePieceKind::t5, "ab c") == Ids{7, 3, 8, 1, 0, 0});
  CHECK(all(SentencePieceKind::siglip, "AB, c!") == Ids{7, 3, 8, 1, 1, 1});
  CHECK(all(SentencePieceKind::open_clip, " AB_c!&amp; ") == Ids{7, 3, 8, 1, 1, 1});
  CHECK(all(SentencePieceKind::t5, "a b c a b c") == Ids{3, 4, 3, 5, 3, 1});
  CHECK(all(SentencePieceKind::plain, "a b c a b c") == Ids{3, 4, 3, 5, 3, 8});
}

TEST_CASE("SigLIP's tokenizer knows special tokens in a text, and ends no text twice") {
  const PieceModel model = small_piece_model();
  CHECK(encode(model, "ab </s> c", SentencePieceKind::siglip) == Ids{7, 1, 8, 1});
  CHECK(encode(model, "ab </s>", SentencePieceKind::siglip) == Ids{7, 1});
  CHECK(encode(model, "<unk>ab", SentencePieceKind::siglip) == Ids{2, 6, 1});
  CHECK(encode(model, "- c", SentencePieceKind::siglip) == Ids{3, 3, 8, 1});
  CHECK(encode(model, "", SentencePieceKind::siglip) == Ids{1});
}

TEST_CASE("SigLIP 2's tokenizer lowers what is between special tokens") {
  PieceModel model;
  model.model_type = 2;
  model.byte_fallback = true;
  model.add_dummy_prefix = false;
  model.remove_extra_whitespaces = false;
  model.pieces = {{"<pad>", 0, PieceModel::kControl},
                  {"</s>", 0, PieceModel::kControl},
                  {"<unk>", 0, PieceModel::kUnknown},
                  {"<M>", 0, PieceModel::kUserDefined}};
  constexpr std::int64_t kFirstByte = 4;
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::string name =
        std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + std::string(">");
    model.pieces.push_back({name, 0, PieceModel::kByte});
  }
  // From 260 on.
  for (const char* piece : {"ab",
                            "\xE2\x96\x81"
                            "a",
                            "\xE2\x96\x81", "a", "b", "\xCF\x83"}) {
    model.pieces.push_back({piece, -static_cast<float>(model.pieces.size())});
  }
  const auto ids_of = [&](std::string_view text) {
    return encode(model, text, SentencePieceKind::siglip2);
  };
  const auto byte = [](char c) { return kFirstByte + static_cast<std::uint8_t>(c); };
  CHECK(ids_of("AB") == Ids{260, 1});
  CHECK(ids_of(" A  b") == Ids{261, 262, 262, 264, 1});
  CHECK(ids_of("a</s>B<M>Ab<pad><unk>") == Ids{263, 1, 264, 3, 260, 0, 2, 1});
  CHECK(ids_of("<m>") == Ids{byte('<'), byte('m'), byte('>'), 1});
  CHECK(ids_of("<0x41>").size() == 7);
  CHECK(ids_of("A\xCE\xA3") == Ids{263, 265, 1});  // no final sigma
  CHECK(ids_of("") == Ids{1});
  Ids row(3);
  make(model.serialized(), SentencePieceKind::siglip2, 3)->encode("AB", row);
  CHECK(row == Ids{260, 1, 0});

  const std::string needs = "kind = siglip2 needs a model as Gemma's";
  CHECK(has(refusal(small_piece_model().serialized(), SentencePieceKind::siglip2), needs));
  model.add_dummy_prefix = true;
  CHECK(has(refusal(model.serialized(), SentencePieceKind::siglip2), needs));
}

TEST_CASE("truncation on the left keeps the last pieces and the end") {
  millrace::SentencePieceOptions file;
  file.name = "m.model";
  file.kind = SentencePieceKind::t5;
  millrace::TokenizerOptions options;
  options.context_length = 3;
  options.truncation = millrace::RowSide::left;
  const auto tokenizer =
      millrace::sentencepiece_tokenizer(small_piece_model().serialized(), file, options);
  Ids ids(3);
  CHECK(tokenizer->encode("ab c ab b", ids) == 3);
  CHECK(ids == Ids{3, 5, 1});
  CHECK(has(tokenizer->describe(), R"({"type":"sentencepiece","file":"m.model","content":")"));
  CHECK(has(tokenizer->describe(), R"("kind":"t5","context_length":3,"truncation":"left"})"));
}

TEST_CASE("what is no model, or cannot be used, is refused by the file's name") {
  CHECK(has(refusal("no model at all"), "m.model: sentencepiece model: it is damaged"));
  CHECK(has(refusal(""), "no unknown piece"));
  PieceModel model = small_piece_model();
  model.model_type = 3;
  CHECK(has(refusal(model.serialized()), "of type 3"));
  model = small_piece_model();
  model.pieces.push_back({"ab", -1});
  CHECK(has(refusal(model.serialized()), "\"ab\" is there twice"));
  model = small_piece_model();
  model.pieces.push_back({std::string(5000, 'a'), -1});
  CHECK(has(refusal(model.serialized()), "5000 bytes"));
  model = small_piece_model();
  model.charsmap = millrace::test::character_map('X', std::string(2000, 'a'));
  CHECK(has(refusal(model.serialized()), "more than 1024 bytes"));
  model.charsmap = std::string("\xFF\xFF\xFF\x7F") + "abcd";
  CHECK(has(refusal(model.serialized()), "table of characters is cut"));
  model = small_piece_model();
  model.pieces[1].text = "<end>";
  CHECK(has(refusal(model.serialized(), SentencePieceKind::t5), "no end token"));
  model.pieces[0].text = "<none>";
  CHECK(has(refusal(model.serialized()), "give pad_id"));
  millrace::SentencePieceOptions small;
  small.name = "m.model";
  small.max_bytes = 10;
  CHECK_THROWS_AS(millrace::sentencepiece_tokenizer(small_piece_model().serialized(), small, {}),
                  std::invalid_argument);
}

TEST_CASE("a model that is cut or changed anywhere is refused or encodes as something") {
  PieceModel model = small_piece_model();
  model.charsmap = millrace::test::character_map('X', "ab");
  const std::string whole = model.serialized();
  const auto try_it = [](const std::string& file) {
    try {
      const auto tokenizer = make(file);
      Ids ids(16);
      CHECK(tokenizer->encode("XaX photo \xE2\x96\x81 xyz", ids) <= ids.size());
    } catch (const std::invalid_argument&) {
    }
  };
  for (std::size_t length = 0; length < whole.size(); ++length) try_it(whole.substr(0, length));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(static_cast<std::uint8_t>(changed[at]) ^ flip);
      try_it(changed);
    }
  }
}

TEST_CASE("encoding with a SentencePiece model allocates nothing once the scratch has grown") {
  if (!millrace::test::can_count_allocations()) return;
  for (const auto kind : {SentencePieceKind::plain, SentencePieceKind::siglip}) {
    const auto tokenizer = make(small_piece_model().serialized(), kind);
    Ids ids(16);
    const auto encode_all = [&] {
      for (const std::string_view text :
           {"a photo of ab, it's 2024!", "Stra\xC3\x9F\x65 caf\xE9 abababab", "short"}) {
        tokenizer->encode(text, ids);
      }
    };
    encode_all();
    const std::size_t before = millrace::test::allocations_so_far();
    encode_all();
    CHECK(millrace::test::allocations_so_far() == before);
  }
}

TEST_CASE("ids are those of sentencepiece 0.2.3 for every reference case") {
  const auto folder = millrace::test::reference_data("ids of the sentencepiece package");
  if (!folder) return;
  std::map<std::string, std::shared_ptr<const millrace::Tokenizer>> tokenizers;
  std::size_t wrong = 0;
  const std::size_t rows = millrace::test::for_each_json_line(
      *folder / "sentencepiece" / "cases.jsonl", [&](simdjson::dom::element row) {
        const std::string name(row["model"].get_string().value());
        auto& tokenizer = tokenizers[name];
        if (!tokenizer) {
          const auto bytes = millrace::test::read_file(*folder / "sentencepiece" / name);
          millrace::TokenizerOptions options;
          options.context_length = millrace::TokenizerOptions::kMaxContextLength;
          options.pad_id = 0;
          tokenizer = millrace::sentencepiece_tokenizer(
              {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, {name}, options);
        }
        Ids expected;
        for (const simdjson::dom::element id : row["ids"].get_array()) {
          expected.push_back(id.get_int64());
        }
        Ids ids(static_cast<std::size_t>(tokenizer->context_length()));
        ids.resize(tokenizer->encode(row["text"].get_string(), ids));
        if (ids != expected) ++wrong;
      });
  CHECK(rows == 3600);
  CHECK(wrong == 0);
}

TEST_CASE("64 ids that end and pad as SigLIP's are those of the reference cases") {
  const auto folder = millrace::test::reference_data("SigLIP's ids");
  if (!folder) return;
  const std::string name = "t5_like_unigram_4000.model";
  const auto bytes = millrace::test::read_file(*folder / "sentencepiece" / name);
  millrace::SentencePieceOptions file;
  file.name = name;
  file.kind = SentencePieceKind::t5;
  millrace::TokenizerOptions options;
  options.context_length = millrace::SentencePieceOptions::kContextLength;
  options.pad_id = 1;
  const auto tokenizer = millrace::sentencepiece_tokenizer(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file, options);
  std::size_t wrong = 0;
  millrace::test::for_each_json_line(
      *folder / "sentencepiece" / "cases.jsonl", [&](simdjson::dom::element row) {
        if (row["model"].get_string().value() != name) return;
        Ids expected;
        for (const simdjson::dom::element id : row["ids64_eos_padded_with_eos"].get_array()) {
          expected.push_back(id.get_int64());
        }
        Ids ids(64);
        tokenizer->encode(row["text"].get_string(), ids);
        if (ids != expected) ++wrong;
      });
  CHECK(wrong == 0);
}

}  // namespace
