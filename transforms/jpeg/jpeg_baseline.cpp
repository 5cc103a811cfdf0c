#include "millrace/transforms/jpeg/jpeg_baseline.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "millrace/transforms/jpeg/jpeg_unstuff.h"

namespace millrace::jpeg {
namespace {

constexpr std::size_t kTileWidth = 8 * kTileBlocks;
/// Pixels are made from a multiple of this on, a whole number of vectors of any length.
constexpr int kColumnStep = 64;

}  // namespace

bool BaselineImage::begin(std::span<const std::uint8_t> file, ImageSize size,
                          const ImageWindow& window, MutableImageView pixels,
                          HuffmanCache& tables) {
  end();  // of an image for which there was too little memory
  if (!read_header(file, header_)) return false;
  if (header_.width != size.width || header_.height != size.height) return false;
  // libjpeg does not blend so few columns.
  if (header_.luma_h == 2 && header_.samples_across(1) <= 2) return false;
  pixels_ = pixels;
  window_ = window;
  first_column_ = window.left / kColumnStep * kColumnStep;
  colors_ = header_.components == 1 ? Colors::gray : header_.ycc ? Colors::ycc : Colors::rgb;
  upsampling_ = header_.luma_h == 2 ? (header_.luma_v == 2 ? Upsampling::h2v2 : Upsampling::h2)
                                    : (header_.luma_v == 2 ? Upsampling::v2 : Upsampling::none);
  if (!unstuff_scan() || !acquire_tables(tables)) return false;
  lay_out_planes();
  lay_out_places();
  interval_ = 0;
  mcus_to_restart_ = header_.restart_mcus;
  dc_to_restart_ = header_.restart_mcus;
  dc_.fill(0);
  mcu_row_ = 0;
  mcu_ = 0;
  next_y_ = window.top;
  stream_.block = nullptr;
  // What is in the 64 bits of the stream is not used up yet.
  stream_.limit = scan_.data() + interval_ends_.back() + sizeof(std::uint64_t);
  stream_.seek(scan_.data());
  next_stretch();
  return true;
}

bool BaselineImage::unstuff_scan() {
  const std::size_t mcus = header_.mcus_per_row() * header_.mcu_rows();
  std::size_t intervals = 1;
  if (header_.restart_mcus != 0) {
    intervals = (mcus + header_.restart_mcus - 1) / header_.restart_mcus;
  }
  // Every interval ends in a marker: more of them than fit are none to make room for.
  if (intervals > header_.scan.size() / 2 + 1) return false;
  interval_ends_.resize(intervals);
  std::uint8_t* out = scan_.reserve(header_.scan.size() + kScanPaddingBytes);
  return unstuff(header_.scan, out, interval_ends_);
}

bool BaselineImage::acquire_tables(HuffmanCache& tables) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(header_.components); ++c) {
    const Component& component = header_.component[c];
    for (const bool is_dc : {true, false}) {
      HuffmanCache::Slot* slot = tables.acquire(
          is_dc ? header_.dc_tables[component.dc_table] : header_.ac_tables[component.ac_table],
          is_dc,
          static_cast<std::uint64_t>(header_.width) * static_cast<std::uint64_t>(header_.height));
      if (slot == nullptr) {
        end();
        return false;
      }
      slots_[slot_count_++] = slot;
      (is_dc ? stream_.dc : stream_.ac)[c] = &slot->table;
    }
  }
  return true;
}

void BaselineImage::end() {
  for (std::size_t i = 0; i < slot_count_; ++i) HuffmanCache::release(slots_[i]);
  slot_count_ = 0;
}

void BaselineImage::lay_out_planes() {
  const std::size_t mcus = header_.mcus_per_row();
  const std::size_t rows_in_turn = header_.luma_v == 2 ? 2 : 1;
  std::size_t tiles = 0;
  std::size_t sample_bytes = 0;
  for (int c = 0; c < header_.components; ++c) {
    Plane& plane = planes_[static_cast<std::size_t>(c)];
    const auto across = static_cast<std::size_t>(header_.blocks_across(c));
    plane.rows = 8 * header_.blocks_down(c);
    plane.across = header_.samples_across(c);
    plane.down = header_.samples_down(c);
    plane.first_tile = tiles;
    plane.tiles = (mcus * across + kTileBlocks - 1) / kTileBlocks;
    plane.stride_bytes = plane.tiles * kTileWidth + 2 * kRowMargin;
    // With the columns beside them, which upsampling blends with.
    const int ratio = c == 0 ? 1 : header_.luma_h;
    const int first = std::max(first_column_ / ratio - 1, 0);
    const int last = (window_.left + window_.width - 1) / ratio + 1;
    plane.wanted_tile = static_cast<std::size_t>(first) / kTileWidth;
    plane.wanted_tiles =
        std::min(static_cast<std::size_t>(last) / kTileWidth + 1, plane.tiles) - plane.wanted_tile;
    tiles += plane.tiles * static_cast<std::size_t>(header_.blocks_down(c));
    sample_bytes += rows_in_turn * static_cast<std::size_t>(plane.rows) * plane.stride_bytes;

    const auto& quantization =
        header_.quantization[header_.component[static_cast<std::size_t>(c)].quantization];
    std::copy(quantization.begin(), quantization.end(), plane.table.factors);
    // Larger ones saturate or wrap in libjpeg, as the case may be.
    plane.largest_dc = quantization[0] == 0 ? 32767 : 8191 / quantization[0];
  }
  // The largest vector may begin at a row's last sample.
  std::uint8_t* samples = samples_.reserve(sample_bytes + kRowMargin) + kRowMargin;
  for (int c = 0; c < header_.components; ++c) {
    Plane& plane = planes_[static_cast<std::size_t>(c)];
    plane.samples = samples;
    samples += rows_in_turn * static_cast<std::size_t>(plane.rows) * plane.stride_bytes;
  }
  const std::size_t tile_bytes = tiles * kTileCoefficients * sizeof(std::int16_t);
  stream_.tiles = reinterpret_cast<std::int16_t*>(tiles_.reserve(tile_bytes));
  std::memset(stream_.tiles, 0, tile_bytes);
  lengths_.assign(tiles * kTileBlocks, 0);
  stream_.lengths = lengths_.data();
}

void BaselineImage::lay_out_places() {
  const std::size_t mcus = header_.mcus_per_row();
  blocks_per_mcu_ = 0;
  for (int c = 0; c < header_.components; ++c) {
    blocks_per_mcu_ += static_cast<std::size_t>(header_.blocks_across(c) * header_.blocks_down(c));
  }
  places_.resize(mcus * blocks_per_mcu_);
  std::size_t nth = 0;
  for (int c = 0; c < header_.components; ++c) {
    const Plane& plane = planes_[static_cast<std::size_t>(c)];
    const auto across = static_cast<std::size_t>(header_.blocks_across(c));
    for (std::size_t v = 0; v < static_cast<std::size_t>(header_.blocks_down(c)); ++v) {
      for (std::size_t h = 0; h < across; ++h, ++nth) {
        std::size_t block = (plane.first_tile + v * plane.tiles) * kTileBlocks + h;
        for (std::size_t mcu = 0; mcu < mcus; ++mcu, block += across) {
          places_[mcu * blocks_per_mcu_ + nth] = {static_cast<std::uint32_t>(block),
                                                  static_cast<std::uint32_t>(c)};
        }
      }
    }
  }
}

void BaselineImage::next_stretch() {
  std::size_t mcus = header_.mcus_per_row() - mcu_;
  if (header_.restart_mcus != 0) mcus = std::min<std::size_t>(mcus, mcus_to_restart_);
  stream_.place = places_.data() + mcu_ * blocks_per_mcu_;
  stream_.places_end = stream_.place + mcus * blocks_per_mcu_;
}

/// The last code ends in the last byte.
bool BaselineImage::interval_ends_well() const {
  const std::size_t begin = interval_ == 0 ? 0 : interval_ends_[interval_ - 1];
  const std::size_t bits = (interval_ends_[interval_] - begin) * 8;
  const std::size_t used = stream_.bits_since(scan_.data() + begin);
  return used <= bits && bits - used < 8;
}

BaselineImage::State BaselineImage::advance() {
  const auto mcus =
      static_cast<std::size_t>(stream_.places_end - places_.data()) / blocks_per_mcu_ - mcu_;
  mcu_ += mcus;
  const bool row_ends = mcu_ == header_.mcus_per_row();
  const bool scan_ends = row_ends && mcu_row_ + 1 == header_.mcu_rows();
  if (header_.restart_mcus != 0) mcus_to_restart_ -= static_cast<std::uint32_t>(mcus);
  if (scan_ends || (header_.restart_mcus != 0 && mcus_to_restart_ == 0)) {
    if (!interval_ends_well()) return State::failed;
    if (!scan_ends) {
      stream_.seek(scan_.data() + interval_ends_[interval_]);
      ++interval_;
      mcus_to_restart_ = header_.restart_mcus;
    }
  }
  if (row_ends) {
    if (!sum_dc() || !make_samples()) return State::failed;
    make_pixels();
    if (scan_ends) return State::finished;
    ++mcu_row_;
    mcu_ = 0;
  }
  next_stretch();
  return State::running;
}

bool BaselineImage::sum_dc() {
  bool fits = true;
  const BlockPlace* place = places_.data();
  for (std::size_t mcu = 0; mcu < header_.mcus_per_row(); ++mcu) {
    if (header_.restart_mcus != 0) {
      if (dc_to_restart_ == 0) {
        dc_.fill(0);
        dc_to_restart_ = header_.restart_mcus;
      }
      --dc_to_restart_;
    }
    for (std::size_t i = 0; i < blocks_per_mcu_; ++i, ++place) {
      std::int16_t& coefficient = stream_.tiles[place->block / kTileBlocks * kTileCoefficients +
                                                place->block % kTileBlocks * 8];
      std::int32_t& dc = dc_[place->component];
      dc += coefficient;
      fits &= std::abs(dc) <= planes_[place->component].largest_dc;
      coefficient = static_cast<std::int16_t>(dc);
    }
  }
  return fits;
}

/// Whether the window needs samples of the MCU row: upsampling blends with one row beyond it.
bool BaselineImage::is_row_wanted() const {
  const int first = static_cast<int>(mcu_row_) * header_.mcu_height();
  return first <= window_.top + window_.height && first + header_.mcu_height() >= window_.top;
}

bool BaselineImage::make_samples(std::size_t component, std::size_t block_row,
                                 std::uint8_t* samples) {
  const Plane& plane = planes_[component];
  const std::size_t tile = plane.first_tile + block_row * plane.tiles;
  std::int16_t* tiles = stream_.tiles + tile * kTileCoefficients;
  const bool wanted = is_row_wanted();
  const std::size_t before = wanted ? plane.wanted_tile : plane.tiles;
  std::fill_n(tiles, before * kTileCoefficients, std::int16_t{0});
  if (!wanted) return true;
  const std::size_t after = before + plane.wanted_tiles;
  std::fill_n(tiles + after * kTileCoefficients, (plane.tiles - after) * kTileCoefficients,
              std::int16_t{0});
  return inverse_transform(tiles + before * kTileCoefficients,
                           lengths_.data() + (tile + before) * kTileBlocks, plane.wanted_tiles,
                           plane.table, samples + before * kTileWidth, plane.stride_bytes);
}

bool BaselineImage::make_samples() {
  const std::size_t turn = header_.luma_v == 2 ? mcu_row_ % 2 : 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(header_.components); ++c) {
    const Plane& plane = planes_[c];
    std::uint8_t* samples =
        plane.samples + turn * static_cast<std::size_t>(plane.rows) * plane.stride_bytes;
    for (std::size_t v = 0; v < static_cast<std::size_t>(plane.rows) / 8; ++v) {
      if (!make_samples(c, v, samples + 8 * v * plane.stride_bytes)) return false;
    }
    if (header_.luma_h == 1 || c == 0) continue;
    // The columns that upsampling blends the first and the last one with.
    for (int y = 0; y < plane.rows; ++y, samples += plane.stride_bytes) {
      samples[-1] = samples[0];
      samples[plane.across] = samples[plane.across - 1];
    }
  }
  return true;
}

const std::uint8_t* BaselineImage::sample_row(std::size_t component, int y) const {
  const Plane& plane = planes_[component];
  y = std::clamp(y, 0, plane.down - 1) % (header_.luma_v * plane.rows);
  return plane.samples + static_cast<std::size_t>(y) * plane.stride_bytes;
}

void BaselineImage::make_pixels() {
  int end = static_cast<int>(mcu_row_ + 1) * header_.mcu_height();
  // The last row is blended with one of the next MCU row.
  if (header_.luma_v == 2) --end;
  if (mcu_row_ + 1 == header_.mcu_rows()) end = header_.height;
  end = std::min(end, window_.top + window_.height);
  const auto width = static_cast<std::size_t>(window_.left + window_.width - first_column_);
  SampleRow row;
  for (; next_y_ < end; ++next_y_) {
    row.first = sample_row(0, next_y_) + first_column_;
    if (header_.components == 3) {
      const int near = next_y_ / header_.luma_v;
      row.far_is_below = next_y_ % 2 != 0;
      for (std::size_t c = 1; c < 3; ++c) {
        const int column = first_column_ / header_.luma_h;
        row.near[c - 1] = sample_row(c, near) + column;
        row.far[c - 1] = sample_row(c, row.far_is_below ? near + 1 : near - 1) + column;
      }
    }
    convert_row(
        colors_, upsampling_, row, width,
        pixels_.row(next_y_ - window_.top) + static_cast<std::ptrdiff_t>(first_column_) * 3);
  }
}

bool BaselineDecoder::decode(std::span<const std::uint8_t> file, ImageSize size,
                             const ImageWindow& window, MutableImageView pixels) {
  Job job{file, size, window, pixels};
  decode(std::span(&job, 1));
  return job.decoded;
}

void BaselineDecoder::decode(std::span<Job> jobs) {
  std::array<Job*, 2> at_work{};
  std::size_t next = 0;
  const auto take_next = [&](std::size_t i) {
    at_work[i] = nullptr;
    while (next < jobs.size() && at_work[i] == nullptr) {
      Job& job = jobs[next++];
      job.decoded = false;
      if (images_[i].begin(job.file, job.size, job.window, job.pixels, tables_)) at_work[i] = &job;
    }
  };
  take_next(0);
  take_next(1);
  while (at_work[0] != nullptr || at_work[1] != nullptr) {
    EntropyEnd end;
    if (at_work[0] != nullptr && at_work[1] != nullptr) {
      end = decode_entropy(images_[0].stream(), images_[1].stream());
    } else {
      end.stream = at_work[0] != nullptr ? 0 : 1;
      end.stop = decode_entropy(images_[end.stream].stream());
    }
    BaselineImage& image = images_[end.stream];
    const auto state =
        end.stop == EntropyStop::done ? image.advance() : BaselineImage::State::failed;
    if (state == BaselineImage::State::running) continue;
    at_work[end.stream]->decoded = state == BaselineImage::State::finished;
    image.end();
    take_next(end.stream);
  }
}

}  // namespace millrace::jpeg
