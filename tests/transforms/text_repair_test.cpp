#include "millrace/transforms/text/text_repair.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/transforms/text/normalization-inl.h"
#include "reference_data.h"

namespace {

using millrace::TextRepair;

std::string fixed(std::string_view text) { return std::string(TextRepair().fix_text(text)); }
std::string cleaned(std::string_view text) { return std::string(TextRepair().clean(text)); }

std::u32string composed_by(const millrace::UnicodeNormalization& normalization,
                           std::u32string_view text) {
  std::u32string composed(text);
  std::u32string scratch;
  normalization.compose(composed, scratch);
  return composed;
}

}  // namespace

TEST_CASE("UTF-8 that was read in another encoding is read again") {
  CHECK(fixed("s\u00c3\u00b3") == "s\u00f3");
  CHECK(fixed("\u00e2\u0153\u201d No problems") == "\u2714 No problems");
  CHECK(fixed("voil\u00c3 le travail") == "voil\u00e0 le travail");
  CHECK(fixed("\u00d0\u00bf\u00d1\u20ac\u00d0\u00b8\u00d0\u00b2\u00d0\u00b5\u00d1\u201a") ==
        "\u043f\u0440\u0438\u0432\u0435\u0442");
  CHECK(fixed("\u00e2\u20ac\u0153 like this \u00e2\u20ac\ufffd") == "\" like this \ufffd");
}

TEST_CASE("text that only looks unusual is left alone") {
  for (const char* text : {"caf\u00e9", "\u00c5ngstr\u00f6m", "\u65e5\u672c\u8a9e", "\U0001F602",
                           "PARC\u00c9 QUE", "\u2014a dash\u2014"}) {
    CHECK(fixed(text) == text);
  }
}

TEST_CASE("ligatures, widths, quotes, line breaks and controls become plain") {
  CHECK(fixed("\uff2c\uff2f\uff35\uff24\u3000\uff2e\uff2f\uff29\uff33\uff25\uff33") ==
        "LOUD NOISES");
  CHECK(fixed("\ufb02u\ufb03e\ufb06") == "fluffiest");
  CHECK(fixed("\u201chere\u2019s a test\u201d") == "\"here's a test\"");
  CHECK(fixed("a\r\nb\rc\u2028d") == "a\nb\nc\nd");
  CHECK(fixed("\x1b[36;44mI'm blue\x1b[0m") == "I'm blue");
  CHECK(fixed("a\x1f\x7f\ufeffb") == "ab");
  CHECK(fixed("\u0149") == "'n");
}

TEST_CASE("references are resolved, but by ftfy not where a tag says that this is HTML") {
  CHECK(fixed("&lt;tag&gt;") == "<tag>");
  CHECK(fixed("P&EACUTE;REZ") == "P\u00c9REZ");
  CHECK(fixed("<b>&amp;</b>") == "<b>&amp;</b>");
  CHECK(cleaned("<b>&amp;amp;</b>") == "<b>&</b>");
  CHECK(fixed("&copy 2024") == "&copy 2024");
  CHECK(cleaned("&copy 2024 &notit;") == "\u00a9 2024 \u00acit;");
  CHECK(cleaned("&#128; &#0; &#xD800; &#x110000; &#1; &;") == "\u20ac \ufffd \ufffd \ufffd  &;");
}

TEST_CASE("plain text is known by its bytes") {
  CHECK(TextRepair::is_plain("a photo of a dog, 2024!\t\n"));
  for (const char* text : {"a & b", "caf\u00e9", "\x1b", "\x7f", "\x0b"}) {
    CHECK_FALSE(TextRepair::is_plain(text));
  }
  const std::string lone = "salt & pepper &";
  TextRepair repair;
  CHECK(repair.clean(lone).data() == lone.data());
}

TEST_CASE("canonical composition is Unicode's") {
  const auto composed = [](std::u32string_view text) {
    return composed_by(millrace::UnicodeNormalization::instance(), text);
  };
  CHECK(composed(U"e\u0301") == U"\u00e9");
  CHECK(composed(U"\u212b") == U"\u00c5");
  CHECK(composed(U"q\u0307\u0323") == U"q\u0323\u0307");
  CHECK(composed(U"\u1112\u1161\u11ab") == U"\ud55c");
  CHECK(composed(U"\u0958") == U"\u0915\u093c");
  CHECK(composed(U"\u1e0b\u0323") == U"\u1e0d\u0307");
  CHECK(composed(U"a\u0315\u0300\u05ae\u0301") == U"\u00e0\u05ae\u0301\u0315");
}

TEST_CASE("the composition of the tokenizers package leaves marks that it does not know") {
  const auto composed = [](std::u32string_view text) {
    return composed_by(millrace::UnicodeNormalization::of_tokenizers(), text);
  };
  CHECK(composed(U"e\u0301") == U"\u00e9");
  CHECK(composed(U"q\u0307\u0323") == U"q\u0323\u0307");
  CHECK(composed(U"a\u0314\u1ac0") == U"a\u0314\u1ac0");
  CHECK(composed(U"q\u0300\u08d0\u0323") == U"q\u0300\u08d0\u0323");
  CHECK(composed(U"\U00011935\U00011930") == U"\U00011935\U00011930");
  CHECK(composed(U"\U00011938") == U"\U00011938");
}

TEST_CASE("hostile nesting ends") {
  const auto begin = std::chrono::steady_clock::now();
  for (const char* unit : {"amp;", "\u00c3\u0192\u00c2\u00a2", "\u0300\u0316", "&lt", "\x1b[0"}) {
    std::string text = "&";
    while (text.size() < 300'000) text += unit;
    CHECK_FALSE(cleaned(text).empty());
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  CHECK(elapsed.count() < 30.0);
}

TEST_CASE("each stage of the clean-up gives what ftfy and html.unescape give") {
  const auto data = millrace::test::reference_data("the stages of open_clip's clean-up");
  if (!data) return;
  const auto stage = [](simdjson::dom::element row, const char* name, std::string_view otherwise) {
    simdjson::dom::element found;
    return row[name].get(found) == simdjson::SUCCESS ? found.get_string().value() : otherwise;
  };
  TextRepair repair;
  millrace::test::for_each_json_line(
      *data / "clip_tokenizer" / "cases.jsonl", [&](simdjson::dom::element row) {
        const std::string_view text = row["text"].get_string();
        const std::string_view ftfy = stage(row, "after_ftfy", text);
        CAPTURE(text);
        REQUIRE(repair.fix_text(text) == ftfy);
        simdjson::dom::element unescaped;
        if (row["after_unescape"].get(unescaped) == simdjson::SUCCESS) {
          const std::string_view wanted = unescaped.get_string();
          const std::string_view found = repair.clean(text);
          REQUIRE(found.find(wanted) != std::string_view::npos);
        }
      });
}
