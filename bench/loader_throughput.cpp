// The whole loader against its yardstick: a bare libjpeg-turbo decode of the same images, on as
// many threads, in the same run. Rounds alternate between the two, so that a machine whose speed
// drifts does not favour either; the ratio is taken round by round.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <jpeglib.h>

#include <CLI/CLI.hpp>

#include "millrace/formats/sample_stream.h"
#include "millrace/loader/loader.h"

namespace {

using millrace::Batch;
using millrace::Loader;
using millrace::LoaderOptions;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Of all threads of the process, user and system.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Wall time as images a second; CPU time, which other programs disturb less, an image in
/// milliseconds.
struct Speed {
  double images_a_second = 0;
  double cpu_ms = 0;
};

class Round {
 public:
  Speed speed(std::size_t images) const {
    const auto count = static_cast<double>(images);
    return {count / seconds_since(begin_), (cpu_seconds() - cpu_begin_) * 1000 / count};
  }

 private:
  Clock::time_point begin_ = Clock::now();
  double cpu_begin_ = cpu_seconds();
};

struct ErrorExit {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
};

[[noreturn]] void leave(j_common_ptr info) {
  std::longjmp(reinterpret_cast<ErrorExit*>(info->err)->jump, 1);
}

/// libjpeg-turbo as a program uses it that wants nothing but the pixels: one decompressor and one
/// buffer, kept.
class BareDecoder {
 public:
  BareDecoder() {
    info_.err = jpeg_std_error(&error_.manager);
    error_.manager.error_exit = leave;
    error_.manager.emit_message = [](j_common_ptr, int) {};
    jpeg_create_decompress(&info_);
  }
  ~BareDecoder() { jpeg_destroy_decompress(&info_); }
  BareDecoder(const BareDecoder&) = delete;
  BareDecoder& operator=(const BareDecoder&) = delete;

  bool decode(const std::vector<unsigned char>& data) {
    if (setjmp(error_.jump) != 0) {
      jpeg_abort_decompress(&info_);
      return false;
    }
    jpeg_mem_src(&info_, data.data(), data.size());
    jpeg_read_header(&info_, TRUE);
    info_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info_);
    const std::size_t stride = static_cast<std::size_t>(info_.output_width) * 3;
    if (pixels_.size() < stride * info_.output_height) pixels_.resize(stride * info_.output_height);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW rows[8];
      for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t y =
            std::min<std::size_t>(info_.output_scanline + i, info_.output_height - 1);
        rows[i] = pixels_.data() + y * stride;
      }
      jpeg_read_scanlines(&info_, rows,
                          std::min<JDIMENSION>(8, info_.output_height - info_.output_scanline));
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

 private:
  jpeg_decompress_struct info_{};
  ErrorExit error_{};
  std::vector<unsigned char> pixels_;
};

struct Images {
  std::vector<std::vector<unsigned char>> jpegs;
  std::size_t bytes = 0;
};

Images read_images(const std::vector<std::string>& sources) {
  auto stream = millrace::open(sources);
  if (!stream) throw millrace::LoaderError(stream.error());
  Images images;
  millrace::Sample sample;
  while (true) {
    const auto read = stream->next(sample);
    if (!read) throw millrace::LoaderError(read.error());
    if (!*read) return images;
    for (const char* name : {"jpg", "jpeg"}) {
      if (const millrace::Field* field = sample.find(name)) {
        images.jpegs.emplace_back(field->data.begin(), field->data.end());
        images.bytes += field->data.size();
        break;
      }
    }
  }
}

Speed bare_round(const Images& images, std::size_t threads, std::size_t repeats) {
  const Round round;
  const std::size_t total = images.jpegs.size() * repeats;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> failed{0};
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      BareDecoder decoder;
      for (std::size_t at = next++; at < total; at = next++) {
        if (!decoder.decode(images.jpegs[at % images.jpegs.size()])) ++failed;
      }
    });
  }
  workers.clear();
  if (failed > 0) throw std::runtime_error(std::to_string(failed) + " images do not decode");
  return round.speed(total);
}

Speed loader_round(Loader& loader, std::size_t repeats) {
  const Round round;
  std::size_t samples = 0;
  for (std::size_t epoch = 0; epoch < repeats; ++epoch) {
    while (const std::optional<Batch> batch = loader.next()) samples += batch->size;
  }
  return round.speed(samples);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print_list(const char* name, const std::vector<double>& values) {
  std::printf("%-22s median %8.3f   (%.3f to %.3f)\n", name, median(values),
              *std::min_element(values.begin(), values.end()),
              *std::max_element(values.begin(), values.end()));
}

void run(const LoaderOptions& options, std::size_t rounds, std::size_t repeats) {
  const Images images = read_images(options.sources);
  if (images.jpegs.empty()) throw std::runtime_error("no JPEG images there");
  Loader loader(options);
  std::printf("%zu images, %.0f KB on average, %zu thread(s), batches of %zu%s\n",
              images.jpegs.size(),
              static_cast<double>(images.bytes) / 1000 / static_cast<double>(images.jpegs.size()),
              options.threads, options.batch_size, options.shuffle ? ", shuffled" : "");
  static_cast<void>(bare_round(images, options.threads, 1));
  static_cast<void>(loader_round(loader, 1));
  std::vector<double> bare;
  std::vector<double> whole;
  std::vector<double> ratio;
  std::vector<double> bare_cpu;
  std::vector<double> whole_cpu;
  std::vector<double> cpu_ratio;
  for (std::size_t i = 0; i < rounds; ++i) {
    const Speed of_bare = bare_round(images, options.threads, repeats);
    const Speed of_whole = loader_round(loader, repeats);
    bare.push_back(of_bare.images_a_second);
    whole.push_back(of_whole.images_a_second);
    ratio.push_back(whole.back() / bare.back());
    bare_cpu.push_back(of_bare.cpu_ms);
    whole_cpu.push_back(of_whole.cpu_ms);
    cpu_ratio.push_back(bare_cpu.back() / whole_cpu.back());
  }
  print_list("bare decode, images/s", bare);
  print_list("whole loader, images/s", whole);
  print_list("loader / bare", ratio);
  print_list("bare decode, CPU ms", bare_cpu);
  print_list("whole loader, CPU ms", whole_cpu);
  print_list("the same by CPU time", cpu_ratio);
  const millrace::Statistics stats = loader.stats();
  std::printf("bottleneck: %s; by stage, ms an image:\n", stats.bottleneck().c_str());
  double staged = 0;
  for (std::size_t i = 0; i < millrace::kStageCount; ++i) {
    const auto stage = static_cast<millrace::Stage>(i);
    const auto& counter = stats.stages[stage];
    const double seconds = static_cast<double>(counter.nanoseconds) * 1e-9;
    staged += seconds;
    std::printf("  %-10s %.4f\n", std::string(millrace::stage_name(stage)).c_str(),
                seconds * 1000 / static_cast<double>(stats.samples));
  }
  std::printf("  %-10s %.4f\n", "the rest",
              (stats.busy_seconds - staged) * 1000 / static_cast<double>(stats.samples));
  std::printf("  %-10s %.4f\n", "bare", 1000 * static_cast<double>(options.threads) / median(bare));
}

int measure(int argc, char** argv) {
  CLI::App app("The whole loader against a bare libjpeg-turbo decode of the same images");
  LoaderOptions options;
  options.threads = 1;
  std::size_t rounds = 5;
  std::size_t repeats = 3;
  int size = 224;
  app.add_option("sources", options.sources, "Shard specs")->required();
  app.add_option("--threads", options.threads, "Threads of both")->capture_default_str();
  app.add_option("--batch-size", options.batch_size)->capture_default_str();
  app.add_option("--prefetch-batches", options.prefetch_batches)->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds of each, in turn")->capture_default_str();
  app.add_option("--repeats", repeats, "Epochs a round")->capture_default_str();
  app.add_option("--image-size", size)->capture_default_str();
  app.add_flag("--shuffle", options.shuffle);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  options.columns = millrace::clip_columns(size);
  if (options.threads == 0) options.threads = millrace::usable_cores();
  run(options, std::max<std::size_t>(rounds, 1), std::max<std::size_t>(repeats, 1));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "millrace_loader_bench: %s\n", error.what());
    return 1;
  }
}
