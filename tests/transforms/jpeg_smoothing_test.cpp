// What libjpeg leaves to itself where a progressive file ends early: the expected pixels are Pillow
// 13's, with libjpeg-turbo 3.2.0. The zoo of the reference data has many more.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "millrace/transforms/decode/decode.h"
#include "reference_data.h"

namespace millrace {
namespace {

/// 44 x 20 pixels, 4:2:0: the first scans of a progressive file.
constexpr std::string_view kFile =
    "ffd8ffe000104a46494600010100000100010000ffdb004300281c1e231e19282321232d2b28303c6441"
    "3c37373c7b585d4964918099968f808c8aa0b4e6c3a0aadaad8a8cc8ffcbdaeef5ffffff9bc1fffffffa"
    "ffe6fdfff8ffdb0043012b2d2d3c353c76414176f8a58ca5f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8"
    "f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8f8ffc20011080014002c03"
    "012200021101031101ffc40017000101010100000000000000000000000002000301ffc4001601010101"
    "00000000000000000000000000020301ffda000c030100021003100000017dc7917a9c672d962b1934d1"
    "55a1d42dffc40017100101010100000000000000000000000011002030ffda000801010001050299c333"
    "cbffc4001811000301010000000000000000000000000001021110ffda0008010301013f016b06b49828"
    "5cffc4001a110100010500000000000000000000000000020110111241ffda0008010201013f01a45ab0"
    "8b96ffc4001410010000000000000000000000000000";

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::uint8_t> first_bytes(std::size_t count, bool has_end) {
  std::vector<std::uint8_t> file = bytes_of(kFile.substr(0, 2 * count));
  if (has_end) file.insert(file.end(), {0xFF, 0xD9});
  return file;
}

std::string hash_of(ImageView image) {
  const auto rgb = test::packed_rgb(image);
  return test::sha256_hex(rgb.data(), rgb.size());
}

TEST_CASE("a progressive file that lacks scans is smoothed as by libjpeg-turbo 3") {
  ImageDecoder decoder;
  const auto averages_alone = first_bytes(256, true);
  const Result<ImageView> image = decoder.decode(averages_alone);
  REQUIRE(image);
  CHECK(hash_of(*image) == "b638cf193f728f19248b9b2725324875aecc03adbf5ec7a5c3b4b75111a92ff7");
  const auto some_more = first_bytes(337, true);
  const Result<ImageView> finer = decoder.decode(some_more);
  REQUIRE(finer);
  CHECK(hash_of(*finer) == "def4f2022684544afdf2b9537ea3c84c12da0cd6bcf57b9f1c6c40d40f163427");
}

TEST_CASE("rows that the last scan did not reach are smoothed by what was known before it") {
  const auto file = first_bytes(346, false);
  CHECK_FALSE(ImageDecoder().decode(file));
  ImageDecoder keeping({.truncated = TruncatedImages::keep});
  const Result<ImageView> image = keeping.decode(file);
  REQUIRE(image);
  CHECK(hash_of(*image) == "855745003e7c964f375554a7448241e5e6235fe78dac1d20fa85956421bdf0a1");
}

TEST_CASE("a part of a smoothed image is what the whole has there") {
  ImageDecoder decoder;
  const auto file = first_bytes(256, true);
  const ImageWindow window{13, 9, 10, 7};
  const auto expected = test::packed_rgb(part_of(*decoder.decode(file), window));
  CHECK(test::packed_rgb(*decoder.decode(file, window)) == expected);
}

}  // namespace
}  // namespace millrace
