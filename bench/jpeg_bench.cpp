// This library's JPEG decoder against bare libjpeg-turbo, in turns within one run: ratios of the
// thread's own time hold on a machine that does other things, too. Every file is first decoded by
// both and compared.
//
//   millrace_jpeg_bench [SHARD...]    the JPEGs of shards; without any, files of every class

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "jpeg_files.h"
#include "millrace/formats/sample_stream.h"
#include "millrace/transforms/jpeg/jpeg_baseline.h"

namespace {

using namespace millrace;  // NOLINT: one program
using Bytes = std::vector<std::uint8_t>;

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Picture {
  ImageSize size;
  Bytes memory;

  MutableImageView view(ImageSize wanted) {
    size = wanted;
    const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(size.width);
    const std::size_t bytes =
        stride_bytes * static_cast<std::size_t>(size.height) + jpeg::kRgbSlackBytes;
    if (memory.size() < bytes) memory.resize(bytes);
    return {memory.data(), size.width, size.height, stride_bytes};
  }
};

/// What a program without millrace does, one libjpeg object for all images.
class BareTurbo {
 public:
  BareTurbo() {
    cinfo_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&cinfo_);
  }
  ~BareTurbo() { jpeg_destroy_decompress(&cinfo_); }
  BareTurbo(const BareTurbo&) = delete;
  BareTurbo& operator=(const BareTurbo&) = delete;

  MutableImageView decode(const Bytes& file, Picture& picture) {
    jpeg_mem_src(&cinfo_, file.data(), file.size());
    jpeg_read_header(&cinfo_, TRUE);
    cinfo_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&cinfo_);
    const MutableImageView view = picture.view(
        {static_cast<int>(cinfo_.output_width), static_cast<int>(cinfo_.output_height)});
    while (cinfo_.output_scanline < cinfo_.output_height) {
      std::array<JSAMPROW, 4> rows{};
      const JDIMENSION count =
          std::min<JDIMENSION>(4, cinfo_.output_height - cinfo_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) {
        rows[i] = view.row(static_cast<int>(cinfo_.output_scanline + i));
      }
      jpeg_read_scanlines(&cinfo_, rows.data(), count);
    }
    jpeg_finish_decompress(&cinfo_);
    return view;
  }

 private:
  jpeg_decompress_struct cinfo_{};
  jpeg_error_mgr errors_{};
};

jpeg::BaselineDecoder::Job job_of(const Bytes& file, MutableImageView view) {
  return {file, {view.width, view.height}, {0, 0, view.width, view.height}, view};
}

/// Times in milliseconds per image, the best of the rounds.
struct Times {
  std::size_t files = 0;  ///< that are plain
  double turbo = 1e9;
  double own = 1e9;
  double pairs = 1e9;
};

Times measure(const std::vector<Bytes>& files, int rounds) {
  BareTurbo turbo;
  jpeg::BaselineDecoder own(true);
  Picture expected;
  std::array<Picture, 2> pictures;
  std::vector<const Bytes*> plain;
  std::vector<ImageSize> sizes;
  for (const Bytes& file : files) {
    const MutableImageView wanted = turbo.decode(file, expected);
    const MutableImageView view = pictures[0].view(expected.size);
    if (!own.decode(file, view)) continue;
    for (int y = 0; y < view.height; ++y) {
      if (std::memcmp(view.row(y), wanted.row(y), static_cast<std::size_t>(view.width) * 3) != 0) {
        std::cerr << "a file decodes to other pixels than libjpeg-turbo's\n";
        std::exit(1);
      }
    }
    plain.push_back(&file);
    sizes.push_back(expected.size);
  }
  Times times;
  times.files = plain.size();
  const auto best = [&](double& time, const std::function<void()>& work) {
    const double begin = thread_seconds();
    work();
    time = std::min(time, (thread_seconds() - begin) * 1e3 / static_cast<double>(plain.size()));
  };
  for (int round = 0; round < rounds && !plain.empty(); ++round) {
    best(times.turbo, [&] {
      for (const Bytes* file : plain) turbo.decode(*file, expected);
    });
    best(times.own, [&] {
      for (std::size_t i = 0; i < plain.size(); ++i) {
        own.decode(*plain[i], pictures[0].view(sizes[i]));
      }
    });
    best(times.pairs, [&] {
      for (std::size_t i = 0; i < plain.size(); i += 2) {
        std::array<jpeg::BaselineDecoder::Job, 2> jobs;
        const std::size_t count = std::min<std::size_t>(2, plain.size() - i);
        for (std::size_t k = 0; k < count; ++k) {
          jobs[k] = job_of(*plain[i + k], pictures[k].view(sizes[i + k]));
        }
        own.decode(std::span(jobs).first(count));
      }
    });
  }
  return times;
}

void print(const std::string& name, const Times& times) {
  if (times.files == 0) {
    std::printf("%-44s left to libjpeg-turbo\n", name.c_str());
    return;
  }
  std::printf("%-44s %5zu files  turbo %8.4f ms  own %8.4f ms %5.2fx  in pairs %8.4f ms %5.2fx\n",
              name.c_str(), times.files, times.turbo, times.own, times.turbo / times.own,
              times.pairs, times.turbo / times.pairs);
}

std::vector<Bytes> read_shard(const std::string& spec) {
  std::vector<Bytes> files;
  Result<SampleStream> stream = open({spec});
  Sample sample;
  for (Result<bool> read = stream ? stream->next(sample) : false; read && *read;
       read = stream->next(sample)) {
    for (const Field& field : sample.fields()) {
      if (field.data.size() > 3 && field.data[0] == 0xFF && field.data[1] == 0xD8) {
        files.emplace_back(field.data.begin(), field.data.end());
      }
    }
  }
  return files;
}

void measure_classes() {
  double worst = 1e9;
  for (const int side : {16, 32, 64, 256, 1024, 4000}) {
    for (const bool optimized : {false, true}) {
      for (const int quality : {30, 75, 95, 100}) {
        for (const char* sampling : {"4:4:4", "4:2:2", "4:4:0", "4:2:0", "gray"}) {
          if (side == 4000 && (optimized || quality == 30 || quality == 100)) continue;
          test::JpegRecipe recipe;
          recipe.width = side;
          recipe.height = side * 3 / 4;
          recipe.quality = quality;
          recipe.optimized = optimized;
          recipe.gray = sampling[0] == 'g';
          recipe.h_sampling = sampling[2] == '2' ? 2 : 1;
          recipe.v_sampling = sampling[4] == '0' ? 2 : 1;
          std::vector<Bytes> files;
          for (int i = 0; i < std::clamp(4096 / side, 1, 24); ++i) {
            recipe.seed = static_cast<std::uint32_t>(i + 1);
            files.push_back(test::make_jpeg(recipe));
          }
          const Times times = measure(files, std::clamp(20000 / side, 5, 100));
          print(std::to_string(side) + "x" + std::to_string(recipe.height) + " " + sampling +
                    " quality " + std::to_string(quality) + (optimized ? " optimized" : ""),
                times);
          if (times.files > 0) worst = std::min(worst, times.turbo / times.own);
        }
      }
    }
  }
  std::printf("slowest class: %.2fx\n", worst);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) print(argv[i], measure(read_shard(argv[i]), 7));
  if (argc == 1) measure_classes();
  return 0;
}
