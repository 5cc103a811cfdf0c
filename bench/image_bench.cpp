// Decode, resize and normalisation on one thread, each checked against a slow twin or against bare
// libjpeg-turbo before it is timed.
//
// Images: every JPEG that begins a member of the tar named by MILLRACE_BENCH_TAR, or generated
// ones.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>
#include <jpeglib.h>

#include "jpeg_files.h"
#include "millrace/formats/sample_stream.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/output/normalize.h"
#include "millrace/transforms/resize/resize.h"
#include "millrace/transforms/resize/resize_scalar.h"
#include "millrace/transforms/steps/clip_image.h"
#include "millrace/transforms/steps/step_geometry-inl.h"

namespace millrace {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int kSize = 224;

struct Picture {
  int width = 0;
  int height = 0;
  Bytes rgb;

  ImageView view() const {
    return {rgb.data(), width, height, static_cast<std::size_t>(width) * 3};
  }
};

/// The JPEGs among the fields of a tar's samples.
std::vector<Bytes> read_tar(const char* path) {
  std::vector<Bytes> images;
  Result<SampleStream> stream = open({path});
  Sample sample;
  for (Result<bool> read = stream ? stream->next(sample) : false; read && *read;
       read = stream->next(sample)) {
    for (const Field& field : sample.fields()) {
      if (field.data.size() > 3 && field.data[0] == 0xFF && field.data[1] == 0xD8) {
        images.emplace_back(field.data.begin(), field.data.end());
      }
    }
  }
  return images;
}

Bytes gradient_jpeg(int width, int height, std::uint32_t seed) {
  const std::size_t row_bytes = static_cast<std::size_t>(width) * 3;
  Bytes pixels(row_bytes * static_cast<std::size_t>(height));
  std::uint32_t state = seed;
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    for (std::size_t i = 0; i < row_bytes; ++i) {
      state = state * 1664525U + 1013904223U;
      pixels[y * row_bytes + i] = static_cast<std::uint8_t>(y / 2 + i / 6 + (state >> 27));
    }
  }
  return test::encode_jpeg({pixels.data(), width, height, row_bytes}, {.quality = 90});
}

const std::vector<Bytes>& images() {
  static const std::vector<Bytes> loaded = [] {
    std::vector<Bytes> jpegs;
    if (const char* tar = std::getenv("MILLRACE_BENCH_TAR")) jpegs = read_tar(tar);
    for (std::uint32_t i = 0; jpegs.empty() || (jpegs.size() < 32 && i > 0); ++i) {
      jpegs.push_back(gradient_jpeg(500, i % 3 == 0 ? 333 : 375, i));
    }
    return jpegs;
  }();
  return loaded;
}

/// What a program without millrace does: jpeg_mem_src, all rows, one libjpeg object for all images.
class BareLibjpeg {
 public:
  BareLibjpeg() {
    cinfo_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&cinfo_);
  }
  ~BareLibjpeg() { jpeg_destroy_decompress(&cinfo_); }
  BareLibjpeg(const BareLibjpeg&) = delete;
  BareLibjpeg& operator=(const BareLibjpeg&) = delete;

  void decode(const Bytes& jpeg, Picture& picture) {
    jpeg_mem_src(&cinfo_, jpeg.data(), jpeg.size());
    jpeg_read_header(&cinfo_, TRUE);
    cinfo_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&cinfo_);
    picture.width = static_cast<int>(cinfo_.output_width);
    picture.height = static_cast<int>(cinfo_.output_height);
    const std::size_t stride = std::size_t{cinfo_.output_width} * 3;
    picture.rgb.resize(stride * cinfo_.output_height);
    while (cinfo_.output_scanline < cinfo_.output_height) {
      std::array<JSAMPROW, 4> rows{};
      const JDIMENSION count =
          std::min<JDIMENSION>(4, cinfo_.output_height - cinfo_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) {
        rows[i] = picture.rgb.data() + (cinfo_.output_scanline + i) * stride;
      }
      jpeg_read_scanlines(&cinfo_, rows.data(), count);
    }
    jpeg_finish_decompress(&cinfo_);
  }

 private:
  jpeg_decompress_struct cinfo_{};
  jpeg_error_mgr errors_{};
};

const std::vector<Picture>& pictures() {
  static const std::vector<Picture> decoded = [] {
    std::vector<Picture> result;
    BareLibjpeg bare;
    for (const Bytes& jpeg : images()) bare.decode(jpeg, result.emplace_back());
    return result;
  }();
  return decoded;
}

[[noreturn]] void differ(const char* what) {
  std::cerr << what << " differs from its twin\n";
  std::abort();
}

void count_images(benchmark::State& state) {
  state.counters["images/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void bm_bare_libjpeg(benchmark::State& state) {
  BareLibjpeg bare;
  Picture picture;
  std::size_t i = 0;
  for (auto _ : state) {
    bare.decode(images()[i++ % images().size()], picture);
    benchmark::DoNotOptimize(picture.rgb.data());
  }
  count_images(state);
}

void bm_decode(benchmark::State& state) {
  ImageDecoder decoder;
  for (std::size_t i = 0; i < images().size(); ++i) {
    const Result<ImageView> image = decoder.decode(images()[i]);
    const ImageView expected = pictures()[i].view();
    if (!image || image->width != expected.width || image->height != expected.height) {
      differ("decode");
    }
    for (int y = 0; y < expected.height; ++y) {
      if (std::memcmp(image->row(y), expected.row(y), expected.stride_bytes) != 0) differ("decode");
    }
  }
  std::size_t i = 0;
  for (auto _ : state) {
    auto image = decoder.decode(images()[i++ % images().size()]);
    benchmark::DoNotOptimize(image);
  }
  count_images(state);
}

Resizer::Geometry clip_geometry(const Picture& picture) {
  const auto size =
      resized_size({ResizeTo::shortest, square(kSize)}, {picture.width, picture.height});
  if (!size) differ("resized_size");
  const CropPlacement placed = place_center_crop({square(kSize)}, *size);
  return {size->width, size->height, placed.kept.left, placed.kept.top, {}};
}

void resize_to_clip(Resizer& resizer, const Picture& picture, Bytes& window) {
  const auto done = resizer.resize(picture.view(), clip_geometry(picture), Filter::bicubic,
                                   {window.data(), kSize, kSize, std::size_t{kSize} * 3});
  if (!done) differ("resize");
}

void bm_resize(benchmark::State& state) {
  Resizer resizer;
  Bytes window(std::size_t{kSize} * kSize * 3);
  for (const Picture& picture : pictures()) {
    if (picture.height > 2 * picture.width) continue;  // the other order of passes
    resize_to_clip(resizer, picture, window);
    const Resizer::Geometry geometry = clip_geometry(picture);
    ResizeWeights columns;
    ResizeWeights rows;
    compute_resize_weights({picture.width, 0, static_cast<float>(picture.width),
                            geometry.full_width, geometry.crop_left, kSize, Filter::bicubic},
                           columns);
    compute_resize_weights({picture.height, 0, static_cast<float>(picture.height),
                            geometry.full_height, geometry.crop_top, kSize, Filter::bicubic},
                           rows);
    Bytes expected(window.size());
    Bytes scratch;
    resize_scalar(picture.view(), columns, rows,
                  {expected.data(), kSize, kSize, std::size_t{kSize} * 3}, scratch);
    if (window != expected) differ("resize");
  }
  std::size_t i = 0;
  for (auto _ : state) {
    resize_to_clip(resizer, pictures()[i++ % pictures().size()], window);
    benchmark::DoNotOptimize(window.data());
  }
  count_images(state);
}

/// One picture again and again, from the cache that holds it; or its first row in the place of all
/// of them, from the cache next to the core: as if decoding had just made every row.
void bm_resize_again(benchmark::State& state, bool one_row) {
  Resizer resizer;
  Bytes window(std::size_t{kSize} * kSize * 3);
  const Picture& picture = pictures()[1];
  ImageView view = picture.view();
  if (one_row) view.stride_bytes = 0;
  for (auto _ : state) {
    const auto done = resizer.resize(view, clip_geometry(picture), Filter::bicubic,
                                     {window.data(), kSize, kSize, std::size_t{kSize} * 3});
    if (!done) differ("resize");
    benchmark::DoNotOptimize(window.data());
  }
  count_images(state);
}

/// What normalising cannot be faster than: as many bytes written.
void bm_fill(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0)) * kSize * kSize * 3;
  std::vector<std::uint8_t> to(64 * bytes);
  std::size_t i = 0;
  for (auto _ : state) {
    std::memset(to.data() + i % 64 * bytes, static_cast<int>(i), bytes);
    ++i;
    benchmark::DoNotOptimize(to.data());
  }
  count_images(state);
}

void bm_normalize(benchmark::State& state, Dtype dtype, PixelLayout layout) {
  Bytes window(std::size_t{kSize} * kSize * 3);
  for (std::size_t i = 0; i < window.size(); ++i) window[i] = static_cast<std::uint8_t>(i * 7 / 5);
  const Normalizer normalizer({dtype, layout});
  const ImageView view{window.data(), kSize, kSize, std::size_t{kSize} * 3};
  // As many slots as a batch, on 64 bytes, as torch allocates.
  const std::size_t slot = window.size() * dtype_bytes(dtype);
  std::vector<std::uint8_t> memory(64 * slot + 64);
  std::uint8_t* slots = memory.data();
  while (reinterpret_cast<std::uintptr_t>(slots) % 64 != 0) ++slots;
  normalizer.normalize(view, slots);
  if (dtype == Dtype::float32) {
    const auto* floats = reinterpret_cast<const float*>(slots);
    const std::size_t plane = std::size_t{kSize} * kSize;
    for (std::size_t i = 0; i < window.size(); ++i) {
      const std::size_t at = layout == PixelLayout::chw ? i % 3 * plane + i / 3 : i;
      if (floats[at] != normalizer(static_cast<int>(i % 3), window[i])) differ("normalize");
    }
  }
  std::size_t i = 0;
  for (auto _ : state) {
    normalizer.normalize(view, slots + i++ % 64 * slot);
    benchmark::DoNotOptimize(slots);
  }
  count_images(state);
}

void bm_clip_transform(benchmark::State& state) {
  const auto writer = clip_transform(kSize)->make_writer();
  // As many slots as a batch, so that writing meets memory that is not in the cache.
  const std::size_t slot = std::size_t{3} * kSize * kSize;
  std::vector<float> memory(64 * slot + 16);
  // On 64 bytes, as torch allocates.
  float* slots = memory.data();
  while (reinterpret_cast<std::uintptr_t>(slots) % 64 != 0) ++slots;
  StageTimes times;
  std::size_t i = 0;
  for (auto _ : state) {
    const std::span<float> target(slots + i % 64 * slot, slot);
    const auto done =
        writer->write(images()[i++ % images().size()], std::as_writable_bytes(target), {}, times);
    if (!done) differ("clip_transform");
  }
  count_images(state);
  for (const Stage stage : {Stage::decode, Stage::resize, Stage::normalize}) {
    state.counters[std::string(stage_name(stage)) + "_ms"] =
        static_cast<double>(times[stage].nanoseconds) / static_cast<double>(times[stage].items) /
        1e6;
  }
}

BENCHMARK(bm_bare_libjpeg)->Unit(benchmark::kMillisecond);
BENCHMARK(bm_decode)->Unit(benchmark::kMillisecond);
BENCHMARK(bm_resize)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_resize_again, same_picture, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_resize_again, same_row, true)->Unit(benchmark::kMillisecond);
BENCHMARK(bm_fill)->Arg(4)->Arg(2)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, float32_chw, Dtype::float32, PixelLayout::chw)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, float32_hwc, Dtype::float32, PixelLayout::hwc)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, float16_chw, Dtype::float16, PixelLayout::chw)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, bfloat16_chw, Dtype::bfloat16, PixelLayout::chw)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, bfloat16_hwc, Dtype::bfloat16, PixelLayout::hwc)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bm_normalize, uint8_chw, Dtype::uint8, PixelLayout::chw)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(bm_clip_transform)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace millrace
