// A condition as text: what is one has a canonical form that selects the same and is its own.

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/index/metadata_condition.h"

namespace {

constexpr std::size_t kSamples = 70;

std::vector<std::uint64_t> selected_of(const millrace::MetadataCondition& condition) {
  std::vector<std::vector<double>> columns;
  for (const std::string& field : condition.fields()) {
    // Depends on the name alone, because the canonical form may name fields in another order.
    std::vector<double> column;
    std::uint64_t state = field.size();
    for (const char c : field) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    for (std::size_t i = 0; i < kSamples; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const auto value = static_cast<double>(state >> 60) - 4;
      column.push_back(value > 8 ? std::numeric_limits<double>::quiet_NaN() : value);
    }
    columns.push_back(std::move(column));
  }
  std::vector<std::uint64_t> selected((kSamples + 63) / 64, ~std::uint64_t{0});
  condition.select(kSamples, columns, selected);
  if (selected.back() >> kSamples % 64 != 0) std::abort();
  return selected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<millrace::MetadataCondition> condition;
  try {
    condition.emplace(text);
  } catch (const std::invalid_argument&) {
    return 0;
  }
  // The full names of the canonical form may take it over the length that is allowed.
  const millrace::MetadataCondition again(condition->text(), {.max_bytes = 1U << 22});
  if (again.text() != condition->text() || selected_of(again) != selected_of(*condition)) {
    std::abort();
  }
  return 0;
}
