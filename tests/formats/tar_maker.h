#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::test {

/// Writes tar archives block by block, right ones and wrong ones.
class TarMaker {
 public:
  enum class Magic { ustar, gnu, none };

  struct Header {
    std::string name;
    std::uint64_t size = 0;
    char type = '0';
    Magic magic = Magic::ustar;
    std::string prefix;
    std::string size_field;  ///< if not empty, these bytes instead of `size` in octal
    bool signed_checksum = false;
  };

  /// A header block and nothing else.
  TarMaker& header(const Header& header);
  /// Bytes, padded with zeros to whole blocks.
  TarMaker& payload(std::string_view bytes);
  TarMaker& raw(std::string_view bytes);

  TarMaker& file(const std::string& name, std::string_view bytes);
  TarMaker& entry(const std::string& name, char type, std::string_view bytes = {});
  /// A PAX header; each record is given as `keyword=value`.
  TarMaker& pax(const std::vector<std::string>& records, char type = 'x');
  TarMaker& long_name(const std::string& name);
  TarMaker& end(std::size_t zero_blocks = 2);

  std::size_t size() const { return bytes_.size(); }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// `15 path=s5.jpg\n`
std::string pax_record(const std::string& text);

/// Makes the checksum of the block at `position` right again.
void fix_checksum(std::vector<std::uint8_t>& archive, std::size_t position);

}  // namespace millrace::test
