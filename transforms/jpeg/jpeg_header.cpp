#include "millrace/transforms/jpeg/jpeg_header.h"

#include <algorithm>
#include <string_view>

namespace millrace::jpeg {
namespace {

using Segment = std::span<const std::uint8_t>;

constexpr int kMostPixelsAcross = 65500;  // libjpeg's JPEG_MAX_DIMENSION

bool begins_with(Segment segment, std::string_view text) {
  return segment.size() >= text.size() && std::equal(text.begin(), text.end(), segment.begin());
}

class Reader {
 public:
  Reader(Segment file, Header& header) : file_(file), header_(header) {}

  bool read();

 private:
  bool read_frame(Segment segment);
  bool read_quantization(Segment segment);
  bool read_huffman(Segment segment);
  bool read_scan(Segment segment);
  void read_application(int marker, Segment segment);
  bool is_ycc() const;

  Segment file_;
  Header& header_;
  bool has_frame_ = false;
  bool has_jfif_ = false;
  bool has_adobe_ = false;
  int adobe_transform_ = 0;
  std::array<bool, 4> has_quantization_{};
};

bool Reader::read_frame(Segment segment) {
  if (has_frame_ || segment.size() < 6 || segment[0] != 8) return false;
  has_frame_ = true;
  header_.height = segment[1] << 8 | segment[2];
  header_.width = segment[3] << 8 | segment[4];
  header_.components = segment[5];
  if (header_.width == 0 || header_.height == 0 || header_.width > kMostPixelsAcross ||
      header_.height > kMostPixelsAcross) {
    return false;
  }
  if (header_.components != 1 && header_.components != 3) return false;
  if (segment.size() != 6 + std::size_t{3} * segment[5]) return false;
  std::array<int, 3> h{};
  std::array<int, 3> v{};
  for (std::size_t i = 0; i < segment[5]; ++i) {
    header_.component[i].id = segment[6 + 3 * i];
    header_.component[i].quantization = segment[8 + 3 * i];
    h[i] = segment[7 + 3 * i] >> 4;
    v[i] = segment[7 + 3 * i] & 15;
    if (header_.component[i].quantization > 3) return false;
  }
  if (header_.components == 1) {
    // A scan of one component has one block an MCU, whatever its factors.
    header_.luma_h = 1;
    header_.luma_v = 1;
    return h[0] >= 1 && h[0] <= 4 && v[0] >= 1 && v[0] <= 4;
  }
  header_.luma_h = h[0];
  header_.luma_v = v[0];
  const auto& c = header_.component;
  return h[0] >= 1 && h[0] <= 2 && v[0] >= 1 && v[0] <= 2 && h[1] == 1 && v[1] == 1 && h[2] == 1 &&
         v[2] == 1 && c[0].id != c[1].id && c[0].id != c[2].id && c[1].id != c[2].id;
}

bool Reader::read_quantization(Segment segment) {
  while (!segment.empty()) {
    const int precision = segment[0] >> 4;
    const std::size_t index = segment[0] & 15;
    const std::size_t bytes = precision == 0 ? 65 : 129;
    if (precision > 1 || index > 3 || segment.size() < bytes) return false;
    for (std::size_t k = 0; k < 64; ++k) {
      header_.quantization[index][kNaturalOrder[k]] =
          precision == 0 ? segment[1 + k]
                         : static_cast<std::uint16_t>(segment[1 + 2 * k] << 8 | segment[2 + 2 * k]);
    }
    has_quantization_[index] = true;
    segment = segment.subspan(bytes);
  }
  return true;
}

bool Reader::read_huffman(Segment segment) {
  while (!segment.empty()) {
    const std::size_t index = segment[0] & 15;
    if (segment.size() < 17 || index > 3 || (segment[0] >> 4) > 1) return false;
    std::size_t bytes = 16;
    for (std::size_t i = 1; i <= 16; ++i) bytes += segment[i];
    if (bytes > 16 + 256 || segment.size() < 1 + bytes) return false;
    auto& tables = (segment[0] >> 4) == 0 ? header_.dc_tables : header_.ac_tables;
    tables[index] = segment.subspan(1, bytes);
    segment = segment.subspan(1 + bytes);
  }
  return true;
}

bool Reader::read_scan(Segment segment) {
  const auto count = static_cast<std::size_t>(header_.components);
  if (!has_frame_ || segment.size() != 4 + 2 * count || segment[0] != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Component& component = header_.component[i];
    component.dc_table = segment[2 + 2 * i] >> 4;
    component.ac_table = segment[2 + 2 * i] & 15;
    if (segment[1 + 2 * i] != component.id || component.dc_table > 3 || component.ac_table > 3 ||
        header_.dc_tables[component.dc_table].empty() ||
        header_.ac_tables[component.ac_table].empty() ||
        !has_quantization_[component.quantization]) {
      return false;
    }
  }
  const Segment progression = segment.subspan(1 + 2 * count);
  return progression[0] == 0 && progression[1] == 63 && progression[2] == 0;
}

void Reader::read_application(int marker, Segment segment) {
  if (marker == 0xE0 && segment.size() >= 14 && begins_with(segment, {"JFIF\0", 5})) {
    has_jfif_ = true;
  }
  if (marker == 0xEE && segment.size() >= 12 && begins_with(segment, "Adobe")) {
    has_adobe_ = true;
    adobe_transform_ = segment[11];
  }
}

/// As libjpeg's default_decompress_parms.
bool Reader::is_ycc() const {
  if (has_jfif_) return true;
  if (has_adobe_) return adobe_transform_ != 0;
  const auto& c = header_.component;
  return !(c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B');
}

bool Reader::read() {
  header_.restart_mcus = 0;
  header_.dc_tables.fill({});
  header_.ac_tables.fill({});
  if (file_.size() < 4 || file_[0] != 0xFF || file_[1] != 0xD8) return false;
  std::size_t at = 2;
  while (true) {
    if (at + 4 > file_.size() || file_[at] != 0xFF) return false;
    while (at + 4 < file_.size() && file_[at + 1] == 0xFF) ++at;
    const int marker = file_[at + 1];
    const std::size_t length = static_cast<std::size_t>(file_[at + 2]) << 8 | file_[at + 3];
    if (length < 2 || file_.size() - (at + 2) < length) return false;
    const Segment segment = file_.subspan(at + 4, length - 2);
    at += 2 + length;
    if (marker == 0xDA) {
      if (!read_scan(segment)) return false;
      header_.ycc = header_.components == 3 && is_ycc();
      header_.scan = file_.subspan(at);
      return true;
    }
    if (marker == 0xC0 || marker == 0xC1) {
      if (!read_frame(segment)) return false;
    } else if (marker == 0xDB) {
      if (!read_quantization(segment)) return false;
    } else if (marker == 0xC4) {
      if (!read_huffman(segment)) return false;
    } else if (marker == 0xDD) {
      if (segment.size() != 2) return false;
      header_.restart_mcus = static_cast<std::uint32_t>(segment[0] << 8 | segment[1]);
    } else if (marker >= 0xE0 && marker <= 0xEF) {
      read_application(marker, segment);
    } else if (marker != 0xFE) {
      return false;
    }
  }
}

}  // namespace

bool read_header(std::span<const std::uint8_t> file, Header& header) {
  return Reader(file, header).read();
}

}  // namespace millrace::jpeg
