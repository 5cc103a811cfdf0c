#include "quantity_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iterator>

namespace millrace::cli {

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t end = digits.size(); end > 3;) {
    end -= 3;
    digits.insert(end, ",");
  }
  return digits;
}

std::string bytes_text(std::uint64_t bytes) {
  const char* const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1000 && unit + 1 < std::size(units)) {
    size /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 || size >= 100 ? "%.0f %s" : "%.1f %s", size,
                units[unit]);
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  double share = 100 * static_cast<double>(part) / static_cast<double>(whole);
  if (part > 0) share = std::max(share, 0.01);
  if (part < whole) share = std::min(share, 99.99);
  char text[32];
  std::snprintf(text, sizeof(text),
                share < 1 || (share > 99 && part < whole) ? "%.2f %%" : "%.1f %%", share);
  return text;
}

}  // namespace millrace::cli
