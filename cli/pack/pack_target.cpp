#include "pack/pack_target.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace millrace::cli {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool PackTarget::names(std::string_view file_name) const {
  const std::size_t percent = pattern.find('%');
  const std::string_view before = std::string_view(pattern).substr(0, percent);
  const std::string_view after = std::string_view(pattern).substr(pattern.find('d', percent) + 1);
  if (file_name.size() <= before.size() + after.size() || !file_name.starts_with(before) ||
      !file_name.ends_with(after)) {
    return false;
  }
  const std::string_view digits =
      file_name.substr(before.size(), file_name.size() - before.size() - after.size());
  return std::all_of(digits.begin(), digits.end(), is_digit);
}

PackTarget pack_target(const std::string& output, const std::string& prefix) {
  if (output.empty()) refuse("-o: must not be empty");
  if (output.find_first_of("*?[]{}$") != std::string::npos ||
      output.find("::") != std::string::npos || output.starts_with('@')) {
    refuse("-o " + output +
           ": * ? [ ] { } $ :: and a leading @ mean something in sources; for numbers write %06d");
  }
  PackTarget target;
  const std::size_t percent = output.find('%');
  if (percent == std::string::npos) {
    if (prefix.empty() || prefix.starts_with('.') ||
        prefix.find_first_of("/%*?[]{}$\\\n") != std::string::npos) {
      refuse("--prefix " + prefix + ": must be the beginning of a file name");
    }
    if (output.ends_with(".tar")) {
      refuse("-o " + output + ": must be a folder, or a path with a number: " +
             output.substr(0, output.size() - 4) + "-%06d.tar");
    }
    target.folder = output.ends_with('/') ? output : output + "/";
    target.pattern = prefix + "-%06d.tar";
    return target;
  }
  const std::size_t slash = output.rfind('/');
  target.folder = slash == std::string::npos ? "./" : output.substr(0, slash + 1);
  target.pattern = output.substr(slash + 1);
  const std::size_t begin = target.pattern.find('%');
  std::size_t d = begin == std::string::npos ? begin : begin + 1;
  while (d < target.pattern.size() && is_digit(target.pattern[d])) ++d;
  if (begin == std::string::npos || d >= target.pattern.size() || target.pattern[d] != 'd' ||
      d - begin > 3 || target.pattern.find('%', d) != std::string::npos ||
      target.folder.find('%') != std::string::npos || !target.pattern.ends_with(".tar") ||
      target.pattern.starts_with('.')) {
    refuse("-o " + output + ": must be a folder, or a path like train-%06d.tar");
  }
  return target;
}

std::uint64_t bytes_of_size(const std::string& text, const std::string& option) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr double kKibi = 1024;
  constexpr std::array<Unit, 15> kUnits = {{{"", 1},
                                            {"B", 1},
                                            {"K", kKibi},
                                            {"KiB", kKibi},
                                            {"kB", 1e3},
                                            {"KB", 1e3},
                                            {"M", kKibi * kKibi},
                                            {"MiB", kKibi * kKibi},
                                            {"MB", 1e6},
                                            {"G", kKibi * kKibi * kKibi},
                                            {"GiB", kKibi * kKibi * kKibi},
                                            {"GB", 1e9},
                                            {"T", kKibi * kKibi * kKibi * kKibi},
                                            {"TiB", kKibi * kKibi * kKibi * kKibi},
                                            {"TB", 1e12}}};
  double number = 0;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  const auto known =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return one.name == unit; });
  if (error != std::errc() || known == kUnits.end() || !(number > 0) ||
      number * known->bytes >= 9e18) {
    refuse(option + " " + text + ": must be a size like 512MiB or 1GB");
  }
  return static_cast<std::uint64_t>(std::llround(number * known->bytes));
}

}  // namespace millrace::cli
