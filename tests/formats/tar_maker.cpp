#include "tar_maker.h"

#include <algorithm>
#include <cstdio>

namespace millrace::test {

namespace {

constexpr std::size_t kBlock = 512;

void put(std::vector<std::uint8_t>& block, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string octal(std::uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

void put_checksum(std::uint8_t* block, bool is_signed) {
  std::fill_n(block + 148, 8, std::uint8_t{' '});
  int sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += is_signed ? static_cast<signed char>(block[i]) : block[i];
  }
  const std::string text = octal(static_cast<std::uint64_t>(sum), 6);
  std::copy(text.begin(), text.end(), block + 148);
  block[154] = 0;
}

}  // namespace

TarMaker& TarMaker::header(const Header& header) {
  std::vector<std::uint8_t> block(kBlock, 0);
  put(block, 0, std::string_view(header.name).substr(0, 100));
  put(block, 100, "0000644");
  put(block, 108, "0000000");
  put(block, 116, "0000000");
  put(block, 124, header.size_field.empty() ? octal(header.size, 11) : header.size_field);
  put(block, 136, "00000000000");
  block[156] = static_cast<std::uint8_t>(header.type);
  if (header.magic == Magic::ustar) put(block, 257, std::string_view("ustar\00000", 8));
  if (header.magic == Magic::gnu) put(block, 257, "ustar  ");
  put(block, 345, header.prefix);
  put_checksum(block.data(), header.signed_checksum);
  bytes_.insert(bytes_.end(), block.begin(), block.end());
  return *this;
}

TarMaker& TarMaker::raw(std::string_view bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

TarMaker& TarMaker::payload(std::string_view bytes) {
  raw(bytes);
  bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock);
  return *this;
}

TarMaker& TarMaker::file(const std::string& name, std::string_view bytes) {
  return entry(name, '0', bytes);
}

TarMaker& TarMaker::entry(const std::string& name, char type, std::string_view bytes) {
  Header header_of;
  header_of.name = name;
  header_of.size = bytes.size();
  header_of.type = type;
  return header(header_of).payload(bytes);
}

std::string pax_record(const std::string& text) {
  std::size_t length = text.size() + 2;
  while (std::to_string(length).size() + 2 + text.size() != length) ++length;
  return std::to_string(length) + " " + text + "\n";
}

TarMaker& TarMaker::pax(const std::vector<std::string>& records, char type) {
  std::string payload_of;
  for (const std::string& record : records) payload_of += pax_record(record);
  return entry("PaxHeaders/x", type, payload_of);
}

TarMaker& TarMaker::long_name(const std::string& name) {
  return entry("././@LongLink", 'L', name + '\0');
}

TarMaker& TarMaker::end(std::size_t zero_blocks) {
  bytes_.resize(bytes_.size() + zero_blocks * kBlock);
  return *this;
}

void fix_checksum(std::vector<std::uint8_t>& archive, std::size_t position) {
  put_checksum(archive.data() + position, false);
}

}  // namespace millrace::test
