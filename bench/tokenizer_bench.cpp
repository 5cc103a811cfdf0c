// CLIP's tokenizer on what it meets: captions of words seen before, words never seen, other
// scripts, and a word without end. Every case is first checked against the ids expected of it.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/clip_tokenizer.h"

namespace {

using millrace::ClipTokenizer;

std::size_t token_count(const std::vector<std::int64_t>& ids) {
  std::size_t count = 0;
  while (count < ids.size() && ids[count] != 0) ++count;
  return count;
}

void encode_all(benchmark::State& state, const std::vector<std::string>& texts,
                std::size_t min_tokens) {
  const ClipTokenizer tokenizer;
  std::vector<std::int64_t> ids(static_cast<std::size_t>(tokenizer.context_length()));
  std::int64_t bytes = 0;
  for (const std::string& text : texts) {
    tokenizer.encode(text, ids);
    if (ids.front() != ClipTokenizer::kStartId || token_count(ids) < min_tokens) {
      state.SkipWithError("a text has fewer tokens than expected");
      return;
    }
  }
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string& text = texts[next];
    tokenizer.encode(text, ids);
    benchmark::DoNotOptimize(ids.data());
    bytes += static_cast<std::int64_t>(text.size());
    next = next + 1 == texts.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(bytes);
}

void tokenize_captions(benchmark::State& state) {
  encode_all(state,
             {"a cropped photo of the pitcher standing on the field",
              "Two dogs running next to a red car in the rain",
              "The mountains covered with snow at sunset, close-up view",
              "a man riding a wave on top of a surfboard", "it's a woman holding an umbrella"},
             9);
}
BENCHMARK(tokenize_captions);

void tokenize_unseen_words(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<std::string> texts;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (int word = 0; word < 10; ++word) {
      for (unsigned letters = 3 + random() % 8; letters > 0; --letters) {
        text += static_cast<char>('a' + random() % 26);
      }
      text += ' ';
    }
    texts.push_back(text);
  }
  encode_all(state, texts, 12);
}
BENCHMARK(tokenize_unseen_words);

void tokenize_other_scripts(benchmark::State& state) {
  std::vector<std::string> texts;
  std::mt19937 random(2);
  for (int i = 0; i < 1000; ++i) {
    std::string text;
    for (int word = 0; word < 10; ++word) {
      for (unsigned letters = 3 + random() % 8; letters > 0; --letters) {
        std::array<char, 4> utf8{};
        text.append(utf8.data(), millrace::encode_utf8(0x410 + random() % 64, utf8.data()));
      }
      text += ' ';
    }
    texts.push_back(text);
  }
  encode_all(state, texts, 12);
}
BENCHMARK(tokenize_other_scripts);

void tokenize_endless_word(benchmark::State& state) {
  std::mt19937 random(3);
  std::string text(std::size_t{1} << 20, 'a');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  encode_all(state, {text}, 77);
}
BENCHMARK(tokenize_endless_word);

}  // namespace
