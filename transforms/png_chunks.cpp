#include "millrace/transforms/png_chunks.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <zlib.h>

namespace millrace {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kPieceBytes = 65536;
constexpr std::uint64_t kTextLimitBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kAllTextsLimitBytes = 64 * kTextLimitBytes;

std::uint32_t be32(Bytes bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

PngMode mode_of(int bit_depth, int color_type) {
  switch (bit_depth << 4 | color_type) {
    case 0x10:
      return PngMode::gray1;
    case 0x20:
      return PngMode::gray2;
    case 0x40:
      return PngMode::gray4;
    case 0x80:
      return PngMode::gray8;
    case 0x100:
      return PngMode::gray16;
    case 0x82:
      return PngMode::rgb8;
    case 0x102:
      return PngMode::rgb16;
    case 0x13:
      return PngMode::palette1;
    case 0x23:
      return PngMode::palette2;
    case 0x43:
      return PngMode::palette4;
    case 0x83:
      return PngMode::palette8;
    case 0x84:
      return PngMode::gray_alpha8;
    case 0x104:
      return PngMode::gray_alpha16;
    case 0x86:
      return PngMode::rgba8;
    case 0x106:
      return PngMode::rgba16;
    default:
      return PngMode::none;
  }
}

bool is_palette(PngMode mode) { return mode >= PngMode::palette1 && mode <= PngMode::palette8; }

struct Inflated {
  std::uint64_t bytes = 0;
  bool too_large = false;
};

/// How many bytes a compressed text or profile has, at most kTextLimitBytes; damaged data count as
/// none, as Pillow drops them.
Inflated inflated_size(Bytes data) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  stream.next_in = const_cast<Bytef*>(data.data());  // NOLINT: zlib reads only
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(data.size(), UINT32_MAX));
  std::array<std::uint8_t, 16384> out{};
  Inflated result;
  while (true) {
    const auto room = std::min<std::uint64_t>(out.size(), kTextLimitBytes - result.bytes);
    if (room == 0) {
      result.too_large = stream.avail_in > 0;
      break;
    }
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_SYNC_FLUSH);
    if (status != Z_OK && status != Z_BUF_ERROR && status != Z_STREAM_END) {
      result = {};
      break;
    }
    result.bytes += room - stream.avail_out;
    if (status == Z_STREAM_END || stream.avail_out > 0) break;
  }
  inflateEnd(&stream);
  return result;
}

/// The part of `text` before the first zero byte; all of it if there is none.
Bytes until_zero(Bytes text) {
  const auto zero = std::find(text.begin(), text.end(), std::uint8_t{0});
  return text.first(static_cast<std::size_t>(zero - text.begin()));
}

}  // namespace

tl::unexpected<Error> bad_png(std::string message) {
  return fail(Reason::bad_image, "PNG: " + std::move(message));
}

std::optional<PngChunks::Chunk> PngChunks::read_chunk() {
  if (data_.size() - at_ < 8) {
    at_ = data_.size();
    return std::nullopt;
  }
  const Bytes name = data_.subspan(at_ + 4, 4);
  const std::uint64_t length = be32(data_, at_);
  at_ += 8;
  const bool is_name = std::all_of(name.begin(), name.end(), [](std::uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  });
  if (!is_name) return std::nullopt;
  return Chunk{std::string_view(reinterpret_cast<const char*>(name.data()), 4), length};
}

Result<Bytes> PngChunks::read_body(std::uint64_t length) {
  if (data_.size() - at_ < length) return bad_png("a chunk is cut short");
  const Bytes body = data_.subspan(at_, static_cast<std::size_t>(length));
  at_ += body.size();
  return body;
}

std::uint32_t PngChunks::read_checksum(bool& complete) {
  complete = data_.size() - at_ >= 4;
  const std::uint32_t checksum = complete ? be32(data_, at_) : 0;
  at_ += std::min<std::size_t>(4, data_.size() - at_);
  return checksum;
}

Result<void> PngChunks::open() {
  at_ = 8;  // the signature
  while (true) {
    const std::optional<Chunk> chunk = read_chunk();
    if (!chunk) return bad_png("the file ends, or is no longer a PNG, before the image data");
    body_ = {};
    const Result<Meaning> meaning = handle(*chunk);
    if (!meaning) return tl::unexpected(meaning.error());
    if (*meaning == Meaning::end) return bad_png("there are no image data");
    if (*meaning == Meaning::image_data) {
      data_left_ = chunk->name == "fdAT" ? chunk->length - 4 : chunk->length;
      break;
    }
    bool complete = false;
    const std::uint32_t stored = read_checksum(complete);
    const auto* name = reinterpret_cast<const Bytef*>(chunk->name.data());
    const auto computed =
        static_cast<std::uint32_t>(crc32_z(crc32_z(0, name, 4), body_.data(), body_.size()));
    if (!complete || stored != computed) {
      return bad_png("the checksum of chunk " + std::string(chunk->name) + " does not match");
    }
  }
  if (mode_ == PngMode::none) return bad_png("the header has an unknown bit depth or colour type");
  if (width_ == 0 || height_ == 0) return bad_png("the image has no pixels");
  if (palette_.size() / 3 > 256) return bad_png("the palette has more than 256 colours");
  tile_box_ = frame_box_;
  animated_ = std::uint64_t{frame_count_.value_or(1)} + (default_image_ ? 1 : 0) > 1;
  return {};
}

Result<Bytes> PngChunks::next_data() {
  while (data_left_ == 0) {
    bool complete = false;
    read_checksum(complete);  // not compared: Pillow skips it
    const std::optional<Chunk> chunk = read_chunk();
    if (!chunk) return bad_png("the image data end early");
    if (chunk->name == "fdAT") {
      if (auto read = read_frame_data(*chunk); !read) return tl::unexpected(read.error());
      data_left_ = chunk->length - 4;
    } else if (chunk->name == "IDAT" || chunk->name == "DDAT") {
      data_left_ = chunk->length;
    } else {
      return bad_png("the image data end early");
    }
  }
  const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, data_left_);
  const std::uint64_t present = std::min<std::uint64_t>(wanted, data_.size() - at_);
  if (present == 0) return bad_png("the image data end early");
  data_left_ -= wanted;
  return read_body(present);
}

Result<void> PngChunks::finish() {
  at_ += static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, data_.size() - at_));
  while (true) {
    bool complete = false;
    read_checksum(complete);
    const std::optional<Chunk> chunk = read_chunk();
    if (!chunk || chunk->name == "IEND") return {};
    if (chunk->name == "fcTL" && animated_) return {};
    const Result<Meaning> meaning = handle(*chunk);
    if (!meaning) return tl::unexpected(meaning.error());
    if (*meaning == Meaning::image_data) {
      const std::uint64_t length = chunk->name == "fdAT" ? chunk->length - 4 : chunk->length;
      if (auto body = read_body(length); !body) return tl::unexpected(body.error());
    }
  }
}

Result<PngChunks::Meaning> PngChunks::handle(const Chunk& chunk) {
  const auto name = chunk.name;
  if (name == "IEND") return Meaning::end;
  if (name == "fdAT") {
    if (auto read = read_frame_data(chunk); !read) return tl::unexpected(read.error());
    return Meaning::image_data;
  }
  if (name == "IDAT") {
    if (!frame_box_ && frame_count_) default_image_ = true;
    return Meaning::image_data;
  }
  auto body = read_body(chunk.length);
  if (!body) return tl::unexpected(body.error());
  body_ = *body;

  Result<void> read;
  const auto at_least = [&](std::size_t bytes) {
    if (body_.size() < bytes) read = bad_png("chunk " + std::string(name) + " is too short");
  };
  if (name == "IHDR") {
    read = read_header(body_);
  } else if (name == "PLTE") {
    if (is_palette(mode_)) palette_ = body_;
  } else if (name == "tRNS") {
    read = read_transparency(body_);
  } else if (name == "iCCP") {
    read = read_profile(body_);
  } else if (name == "gAMA") {
    at_least(4);
  } else if (name == "cHRM") {
    at_least(32);
  } else if (name == "sRGB") {
    at_least(1);
  } else if (name == "pHYs") {
    at_least(9);
  } else if (name == "tEXt" || name == "zTXt") {
    read = read_text(name, body_);
  } else if (name == "iTXt") {
    read = read_international_text(body_);
  } else if (name == "acTL") {
    read = read_animation(body_);
  } else if (name == "fcTL") {
    read = read_frame_control(body_);
  }
  if (!read) return tl::unexpected(read.error());
  return Meaning::other;
}

Result<void> PngChunks::read_header(Bytes body) {
  if (body.size() < 13) return bad_png("the header is too short");
  width_ = be32(body, 0);
  height_ = be32(body, 4);
  if (const PngMode mode = mode_of(body[8], body[9]); mode != PngMode::none) mode_ = mode;
  if (body[12] != 0) interlaced_ = true;
  if (body[11] != 0) return bad_png("the filter method is unknown");
  return {};
}

Result<void> PngChunks::read_transparency(Bytes body) const {
  const bool is_rgb = mode_ == PngMode::rgb8 || mode_ == PngMode::rgb16;
  const bool is_gray = mode_ >= PngMode::gray1 && mode_ <= PngMode::gray16;
  if (body.size() < (is_rgb ? 6U : is_gray ? 2U : 0U)) return bad_png("chunk tRNS is too short");
  return {};
}

Result<void> PngChunks::read_profile(Bytes body) const {
  const std::size_t zero = until_zero(body).size();
  // Without a zero byte Pillow takes the first byte for the method.
  const std::size_t method = zero == body.size() ? 0 : zero + 1;
  if (method >= body.size() || body[method] != 0) {
    return bad_png("the colour profile's compression is unknown");
  }
  if (inflated_size(body.subspan(method + 1)).too_large)
    return bad_png("the colour profile is too long");
  return {};
}

Result<void> PngChunks::read_text(std::string_view name, Bytes body) {
  const Bytes key = until_zero(body);
  const Bytes value = body.subspan(std::min(key.size() + 1, body.size()));
  std::uint64_t bytes = value.size();
  if (name == "zTXt") {
    if (!value.empty() && value[0] != 0) return bad_png("a text's compression is unknown");
    const Inflated text = inflated_size(value.subspan(std::min<std::size_t>(1, value.size())));
    if (text.too_large) return bad_png("a text is too long");
    bytes = text.bytes;
  }
  return key.empty() ? Result<void>() : count_text(bytes);
}

Result<void> PngChunks::read_international_text(Bytes body) {
  const Bytes key = until_zero(body);
  Bytes rest = body.subspan(std::min(key.size() + 1, body.size()));
  if (key.size() == body.size() || rest.size() < 2) return {};
  const bool compressed = rest[0] != 0;
  const int method = rest[1];
  rest = rest.subspan(2);
  for (int part = 0; part < 2; ++part) {  // the language, the translated key
    const Bytes skipped = until_zero(rest);
    if (skipped.size() == rest.size()) return {};
    rest = rest.subspan(skipped.size() + 1);
  }
  if (!compressed) return count_text(rest.size());
  if (method != 0) return {};
  const Inflated text = inflated_size(rest);
  if (text.too_large) return bad_png("a text is too long");
  return count_text(text.bytes);
}

Result<void> PngChunks::count_text(std::uint64_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ > kAllTextsLimitBytes) return bad_png("the texts are too long");
  return {};
}

Result<void> PngChunks::read_animation(Bytes body) {
  if (body.size() < 8) return bad_png("chunk acTL is too short");
  if (frame_count_) {
    frame_count_.reset();
    return {};
  }
  const std::uint32_t frames = be32(body, 0);
  if (frames != 0 && frames <= 0x80000000U) frame_count_ = frames;
  return {};
}

Result<void> PngChunks::read_frame_control(Bytes body) {
  if (body.size() < 26) return bad_png("chunk fcTL is too short");
  const std::uint32_t number = be32(body, 0);
  const std::uint64_t expected = sequence_ ? std::uint64_t{*sequence_} + 1 : 0;
  if (number != expected) return bad_png("the animation's frames are out of order");
  sequence_ = number;
  const std::uint64_t left = be32(body, 12);
  const std::uint64_t top = be32(body, 16);
  const PngBox box{left, top, left + be32(body, 4), top + be32(body, 8)};
  if (box.right > width_ || box.bottom > height_) return bad_png("a frame lies outside the canvas");
  frame_box_ = box;
  return {};
}

Result<void> PngChunks::read_frame_data(const Chunk& chunk) {
  if (chunk.length < 4) return bad_png("chunk fdAT is too short");
  const auto number = read_body(4);
  if (!number) return tl::unexpected(number.error());
  const std::uint32_t sequence = be32(*number, 0);
  if (!sequence_ || std::uint64_t{*sequence_} + 1 != sequence) {
    return bad_png("the animation's frames are out of order");
  }
  sequence_ = sequence;
  return {};
}

}  // namespace millrace
