#include "tar_writer.h"

#include <cstdio>
#include <stdexcept>

namespace millrace::test {

namespace {

constexpr std::size_t kBlock = 512;

std::string header(const std::string& name, std::size_t size) {
  if (name.size() > 100) throw std::invalid_argument("name too long for this writer: " + name);
  std::string block(kBlock, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  const auto octal = [](std::size_t value, int digits) {
    char text[32];
    std::snprintf(text, sizeof(text), "%0*zo", digits, value);
    return std::string(text);
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, octal(size, 11));
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0", 6) + "00");
  std::size_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + std::string("\0 ", 2));
  return block;
}

}  // namespace

std::string make_tar(const TarMembers& members) {
  std::string tar;
  for (const auto& [name, content] : members) {
    tar += header(name, content.size());
    tar += content;
    tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock, '\0');
  }
  tar.append(2 * kBlock, '\0');
  return tar;
}

}  // namespace millrace::test
