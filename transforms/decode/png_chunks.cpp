#include "millrace/transforms/decode/png_chunks.h"

#include <algorithm>
#include <string>
#include <utility>

#include <zlib.h>

namespace millrace {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kPieceBytes = 65536;

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

/// Whether a decoder may do without the chunk: bit 5 of its name, as the specification has it.
bool is_ancillary(std::string_view name) { return (name[0] >> 5 & 1) != 0; }

bool is_ascii(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return (c & 0x80) == 0; });
}

}  // namespace

tl::unexpected<Error> bad_png(std::string message) {
  return fail(Reason::bad_image, "PNG: " + std::move(message));
}

std::optional<PngChunks::Chunk> PngChunks::read_chunk() {
  if (data_.size() - at_ < (keeps_truncated_ ? 4 : 8)) {
    at_ = data_.size();
    return std::nullopt;
  }
  const Bytes name = data_.subspan(at_ + 4, std::min<std::size_t>(4, data_.size() - at_ - 4));
  const std::uint64_t length = be32(data_, at_);
  at_ += 4 + name.size();
  const bool is_name = std::all_of(name.begin(), name.end(), [](std::uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  });
  if (!is_name && !keeps_truncated_) return std::nullopt;
  return Chunk{std::string_view(reinterpret_cast<const char*>(name.data()), name.size()), length};
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
    if (!chunk || chunk->name.empty() || !is_ascii(chunk->name)) {
      return bad_png("the file ends, or is no longer a PNG, before the image data");
    }
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
    if (keeps_truncated_ && is_ancillary(chunk->name)) continue;
    const auto* name = reinterpret_cast<const Bytef*>(chunk->name.data());
    const auto computed = static_cast<std::uint32_t>(
        crc32_z(crc32_z(0, name, chunk->name.size()), body_.data(), body_.size()));
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
    if (!chunk) return Bytes();
    if (chunk->name == "fdAT") {
      if (keeps_truncated_ && chunk->length < 4) {
        // Pillow then reads on to the end of the file.
        if (auto body = read_body(chunk->length); !body) return body;
        return read_body(data_.size() - at_);
      }
      if (auto read = read_frame_data(*chunk); !read) return tl::unexpected(read.error());
      data_left_ = chunk->length - 4;
    } else if (chunk->name == "IDAT" || chunk->name == "DDAT") {
      data_left_ = chunk->length;
    } else {
      interrupting_ = chunk;
      return Bytes();
    }
  }
  const std::uint64_t wanted = std::min<std::uint64_t>(kPieceBytes, data_left_);
  const std::uint64_t present = std::min<std::uint64_t>(wanted, data_.size() - at_);
  data_left_ -= wanted;
  return read_body(present);
}

Result<void> PngChunks::finish() {
  at_ += static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, data_.size() - at_));
  data_left_ = 0;
  while (true) {
    std::optional<Chunk> chunk = std::exchange(interrupting_, std::nullopt);
    if (!chunk) {
      bool complete = false;
      read_checksum(complete);
      chunk = read_chunk();
    }
    if (!chunk || chunk->name == "IEND" || !is_ascii(chunk->name)) return {};
    if (chunk->name == "fcTL" && animated_) return {};
    const Result<Meaning> meaning = handle(*chunk);
    if (!meaning) return tl::unexpected(meaning.error());
    if (*meaning == Meaning::image_data) {
      const std::uint64_t length = chunk->name == "fdAT" ? chunk->length - 4 : chunk->length;
      if (auto body = read_body(length); !body) {
        if (keeps_truncated_) return {};
        return tl::unexpected(body.error());
      }
    }
  }
}

Result<PngChunks::Meaning> PngChunks::handle(const Chunk& chunk) {
  const auto name = chunk.name;
  if (name == "IEND") return Meaning::end;
  if (name == "fdAT" && !(keeps_truncated_ && chunk.length < 4)) {
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
    if (body_.size() < bytes) read = too_short(name);
  };
  if (name == "IHDR") {
    read = read_header(body_);
  } else if (name == "PLTE") {
    if (is_palette(mode_)) palette_ = body_;
  } else if (name == "tRNS") {
    read = read_transparency(body_);
  } else if (name == "iCCP") {
    read = texts_.read_profile(body_);
  } else if (name == "gAMA") {
    at_least(4);
  } else if (name == "cHRM") {
    at_least(32);
  } else if (name == "sRGB") {
    at_least(1);
  } else if (name == "pHYs") {
    at_least(9);
  } else if (name == "tEXt" || name == "zTXt") {
    read = texts_.read_text(name, body_);
  } else if (name == "iTXt") {
    read = texts_.read_international_text(body_);
  } else if (name == "eXIf") {
    texts_.read_exif(body_);
  } else if (name == "acTL") {
    read = read_animation(body_);
  } else if (name == "fcTL") {
    read = read_frame_control(body_);
  }
  if (!read) return tl::unexpected(read.error());
  return Meaning::other;
}

Result<void> PngChunks::read_header(Bytes body) {
  if (body.size() < 13) return too_short("IHDR");
  width_ = be32(body, 0);
  height_ = be32(body, 4);
  if (const PngMode mode = mode_of(body[8], body[9]); mode != PngMode::none) mode_ = mode;
  if (body[12] != 0) interlaced_ = true;
  if (body[11] != 0) return bad_png("the filter method is unknown");
  return {};
}

Result<void> PngChunks::too_short(std::string_view name) const {
  if (keeps_truncated_) return {};
  return bad_png("chunk " + std::string(name) + " is too short");
}

Result<void> PngChunks::read_transparency(Bytes body) {
  const auto sample = [&](std::size_t i) {
    return static_cast<std::uint16_t>(body[2 * i] << 8 | body[2 * i + 1]);
  };
  if (is_palette(mode_)) {
    transparency_ = {PngTransparency::Kind::palette_alphas, body, 0, {}};
    // One colour without opacity among opaque ones is kept as its index: matters where it lies
    // behind the palette's end. The line break is the regular expression's, whose $ allows one.
    Bytes alphas = body;
    if (!alphas.empty() && alphas.back() == '\n') alphas = alphas.first(alphas.size() - 1);
    const auto clear = std::find(alphas.begin(), alphas.end(), std::uint8_t{0});
    const auto other = std::count(alphas.begin(), alphas.end(), std::uint8_t{255});
    if (clear != alphas.end() && static_cast<std::size_t>(other) + 1 == alphas.size()) {
      transparency_.kind = PngTransparency::Kind::palette_index;
      transparency_.index = static_cast<std::size_t>(clear - alphas.begin());
    }
  } else if (mode_ == PngMode::rgb8 || mode_ == PngMode::rgb16) {
    if (body.size() < 6) return too_short("tRNS");
    transparency_ = {PngTransparency::Kind::rgb, {}, 0, {sample(0), sample(1), sample(2)}};
  } else if (mode_ >= PngMode::gray1 && mode_ <= PngMode::gray16) {
    if (body.size() < 2) return too_short("tRNS");
    std::uint16_t gray = sample(0);
    if (mode_ == PngMode::gray1) gray = gray != 0 ? 255 : 0;
    transparency_ = {PngTransparency::Kind::gray, {}, 0, {gray, gray, gray}};
  }
  return {};
}

Result<void> PngChunks::read_animation(Bytes body) {
  if (body.size() < 8) return too_short("acTL");
  if (frame_count_) {
    frame_count_.reset();
    return {};
  }
  const std::uint32_t frames = be32(body, 0);
  if (frames != 0 && frames <= 0x80000000U) frame_count_ = frames;
  return {};
}

Result<void> PngChunks::read_frame_control(Bytes body) {
  if (body.size() < 26) return too_short("fcTL");
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
