#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "millrace/transforms/column.h"

namespace millrace {

namespace {

/// Without the white space that JSON allows around a value.
std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

template <typename Number>
class NumberWriter final : public SlotWriter {
 public:
  Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                     const Draw& /*draw*/, StageTimes& times) override {
    const StageTimer timer(times, Stage::copy, field.size());
    const std::string_view text = trim({reinterpret_cast<const char*>(field.data()), field.size()});
    // A float32 is read as a double first, as everyone does who goes through JSON.
    using Parsed = std::conditional_t<std::is_integral_v<Number>, Number, double>;
    Parsed parsed{};
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    const bool is_whole_text = end == text.data() + text.size();
    if (status == std::errc::result_out_of_range && is_whole_text) {
      return fail(Reason::bad_number, "number out of the column's range");
    }
    // from_chars reads "inf" and "nan" as well.
    if (status != std::errc{} || !is_whole_text || !std::isfinite(static_cast<double>(parsed))) {
      return fail(Reason::bad_number, std::is_integral_v<Number> ? "not a whole decimal number"
                                                                 : "not a decimal number");
    }
    const auto value = static_cast<Number>(parsed);
    if (!std::isfinite(static_cast<double>(value))) {
      return fail(Reason::bad_number, "number out of the column's range");
    }
    std::memcpy(slot.data(), &value, sizeof value);
    return {};
  }
};

class NumberTransform final : public Transform {
 public:
  explicit NumberTransform(Dtype dtype) : dtype_(dtype) {}

  OutputSpec output() const override { return {dtype_, {}}; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    switch (dtype_) {
      case Dtype::int64:
        return std::make_unique<NumberWriter<std::int64_t>>();
      case Dtype::float32:
        return std::make_unique<NumberWriter<float>>();
      default:
        return std::make_unique<NumberWriter<double>>();
    }
  }
  std::string describe() const override {
    return R"({"type":"number","dtype":")" + std::string(dtype_name(dtype_)) + R"("})";
  }

 private:
  Dtype dtype_;
};

}  // namespace

Column number(std::string field, Dtype dtype) {
  if (dtype != Dtype::int64 && dtype != Dtype::float32 && dtype != Dtype::float64) {
    throw std::invalid_argument("number: dtype must be float64, float32 or int64, not " +
                                std::string(dtype_name(dtype)));
  }
  return {std::move(field), std::make_shared<const NumberTransform>(dtype)};
}

}  // namespace millrace
