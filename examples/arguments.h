#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

/// The `--name value` pairs of a command line over their defaults. Throws std::invalid_argument on
/// a name without a default, a missing value, or a value that is not a number where one is asked
/// for.
class Arguments {
 public:
  Arguments(int count, char** words, std::map<std::string, std::string> defaults)
      : values_(std::move(defaults)) {
    for (int i = 1; i < count; i += 2) {
      const std::string name = words[i];
      if (!name.starts_with("--") || !values_.contains(name.substr(2))) {
        std::string known = "unknown option " + name + "; there are, with defaults:";
        for (const auto& [option, value] : values_) {
          known.append("\n  --").append(option).append(" ").append(value);
        }
        throw std::invalid_argument(known);
      }
      if (i + 1 == count) throw std::invalid_argument("option " + name + " wants a value");
      values_[name.substr(2)] = words[i + 1];
    }
  }

  const std::string& text(const std::string& name) const { return values_.at(name); }

  /// 0 or more.
  std::int64_t whole(const std::string& name) const { return number<std::int64_t>(name); }
  double real(const std::string& name) const { return number<double>(name); }

 private:
  template <typename T>
  T number(const std::string& name) const {
    const std::string& text = values_.at(name);
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) {
      throw std::invalid_argument("option --" + name + " wants a number of 0 or more, not " + text);
    }
    return value;
  }

  std::map<std::string, std::string> values_;
};
