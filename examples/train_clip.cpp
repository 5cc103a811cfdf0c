// Trains a small CLIP from WebDataset shards and says what it has learnt.
//
//   train_clip --train "shapes/train-{000000..000007}.tar" --held-out shapes/held_out-000000.tar
//
// Ends with the loss at the beginning and at the end, Recall@1 on pairs it has never seen,
// images/s, and the loader's own account. Exit status 1 if the loss did not fall.

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <numbers>
#include <numeric>
#include <vector>

#include <torch/cuda.h>
#include <torch/torch.h>

#include "arguments.h"
#include "clip_model.h"
#include "millrace/loader/loader.h"
#include "millrace/torch_ext/data_loader.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The GPU where there is one. libtorch's CUDA half is loaded only then: it is large, and the
/// program links the CPU half alone, so that it starts fast and builds without CUDA.
torch::Device pick_device() {
  if (dlopen("libcuda.so.1", RTLD_NOW) != nullptr &&
      dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr &&
      torch::cuda::is_available()) {
    return torch::kCUDA;
  }
  return torch::kCPU;
}

millrace::LoaderOptions loader_options(const Arguments& arguments, const std::string& sources) {
  millrace::LoaderOptions options;
  options.sources = {arguments.text(sources)};
  options.columns = millrace::clip_columns(static_cast<int>(arguments.whole("image-size")));
  options.batch_size = static_cast<std::size_t>(arguments.whole("batch-size"));
  options.seed = static_cast<std::uint64_t>(arguments.whole("seed"));
  options.threads = static_cast<std::size_t>(arguments.whole("threads"));
  return options;
}

struct Training {
  std::vector<double> losses;  ///< one a step
  double seconds = 0;
  std::size_t images = 0;
};

double mean(std::vector<double>::const_iterator begin, std::vector<double>::const_iterator end) {
  return std::accumulate(begin, end, 0.0) /
         static_cast<double>(std::max<std::ptrdiff_t>(1, end - begin));
}

/// The mean over a few steps: one step's loss depends on its batch.
double first_loss(const Training& training) {
  const auto few = std::min<std::size_t>(5, training.losses.size());
  return mean(training.losses.begin(), training.losses.begin() + static_cast<std::ptrdiff_t>(few));
}
double last_loss(const Training& training) {
  const auto few = std::min<std::size_t>(20, training.losses.size());
  return mean(training.losses.end() - static_cast<std::ptrdiff_t>(few), training.losses.end());
}

/// On a terminal one line that is written over; elsewhere a line now and then.
void show_progress(const Training& training, std::size_t steps) {
  const std::size_t step = training.losses.size();
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  if (!terminal && step % std::max<std::size_t>(1, steps / 10) != 0 && step != steps) return;
  std::printf("%sstep %4zu of %zu   loss %.3f   %.0f images/s%s", terminal ? "\r" : "", step, steps,
              training.losses.back(), static_cast<double>(training.images) / training.seconds,
              terminal && step != steps ? "   " : "\n");
  std::fflush(stdout);
}

Training train(clip::Model& model, millrace::torch_ext::DataLoader& loader, torch::Device device,
               const Arguments& arguments) {
  const double peak_rate = arguments.real("learning-rate");
  const auto epochs = static_cast<std::size_t>(arguments.whole("epochs"));
  const std::size_t steps = epochs * loader.size();
  const double warm_up_steps = std::min(50.0, static_cast<double>(steps) / 10);
  torch::optim::AdamW optimizer(model->parameters(),
                                torch::optim::AdamWOptions(peak_rate).weight_decay(0.05));
  Training training;
  const Clock::time_point begin = Clock::now();
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    for (const millrace::torch_ext::TensorBatch& batch : loader) {
      const auto step = static_cast<double>(training.losses.size());
      const double cosine =
          0.5 + 0.5 * std::cos(std::numbers::pi * step / static_cast<double>(steps));
      const double rate = peak_rate * std::min(1.0, (step + 1) / warm_up_steps) * cosine;
      for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);

      const torch::Tensor loss = model->loss(batch["image"].to(device, /*non_blocking=*/true),
                                             batch["text"].to(device, /*non_blocking=*/true));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();

      training.losses.push_back(loss.item<double>());
      training.images += batch.size();
      training.seconds = seconds_since(begin);
      show_progress(training, steps);
    }
  }
  return training;
}

struct Recall {
  double image_to_text = 0;
  double text_to_image = 0;
  std::int64_t pairs = 0;
};

/// How often the nearest of all captions is the picture's own, and the other way round.
Recall measure_recall(clip::Model& model, millrace::torch_ext::DataLoader& loader,
                      torch::Device device) {
  const torch::NoGradGuard no_gradients;
  model->eval();
  std::vector<torch::Tensor> images;
  std::vector<torch::Tensor> texts;
  for (const millrace::torch_ext::TensorBatch& batch : loader) {
    images.push_back(model->encode_images(batch["image"].to(device)));
    texts.push_back(model->encode_texts(batch["text"].to(device)));
  }
  model->train();
  const torch::Tensor similarity = torch::cat(images).matmul(torch::cat(texts).t());
  const torch::Tensor own = torch::arange(similarity.size(0), device);
  const auto share = [&](std::int64_t dimension) {
    return similarity.argmax(dimension).eq(own).to(torch::kDouble).mean().item<double>();
  };
  return {share(1), share(0), similarity.size(0)};
}

void report(const Training& training, const Recall& before, const Recall& after,
            const millrace::torch_ext::DataLoader& loader) {
  const millrace::Statistics stats = loader.stats();
  const millrace::Ledger ledger = loader.ledger();
  std::uint64_t skipped = 0;
  for (const auto& [reason, count] : ledger.skipped) skipped += count;
  const auto chance = 100.0 / static_cast<double>(after.pairs);
  std::printf("\nloss             %.3f -> %.3f\n", first_loss(training), last_loss(training));
  std::printf("Recall@1         image to text %.1f%%, text to image %.1f%%\n",
              100 * after.image_to_text, 100 * after.text_to_image);
  std::printf(
      "                 on %lld held-out pairs; chance %.2f%%, before training %.1f%%, %.1f%%\n",
      static_cast<long long>(after.pairs), chance, 100 * before.image_to_text,
      100 * before.text_to_image);
  std::printf("speed            %.0f images/s, %zu images in %.1f s\n",
              static_cast<double>(training.images) / training.seconds, training.images,
              training.seconds);
  std::printf("waited for data  %.1f s; bottleneck: %s\n", stats.waiting_seconds,
              stats.bottleneck().c_str());
  std::printf("ledger           %llu expected = %llu delivered + %llu substituted + %llu skipped\n",
              static_cast<unsigned long long>(ledger.expected),
              static_cast<unsigned long long>(ledger.delivered),
              static_cast<unsigned long long>(ledger.substituted),
              static_cast<unsigned long long>(skipped));
  for (const auto& [reason, count] : ledger.skipped) {
    std::printf("                 skipped as %s: %llu\n", reason.c_str(),
                static_cast<unsigned long long>(count));
  }
}

int run(int count, char** words) {
  const Arguments arguments(count, words,
                            {{"train", "shapes/train-{000000..000007}.tar"},
                             {"held-out", "shapes/held_out-000000.tar"},
                             {"epochs", "6"},
                             {"batch-size", "128"},
                             {"image-size", "64"},
                             {"learning-rate", "2e-3"},
                             {"seed", "7"},
                             {"threads", "0"}});
  const torch::Device device = pick_device();
  torch::manual_seed(static_cast<std::uint64_t>(arguments.whole("seed")));

  millrace::LoaderOptions train_options = loader_options(arguments, "train");
  train_options.shuffle = true;
  train_options.drop_last = true;
  const auto train_loader = millrace::torch_ext::make_data_loader(train_options);
  const auto held_out_loader =
      millrace::torch_ext::make_data_loader(loader_options(arguments, "held-out"));

  clip::ModelOptions model_options;
  model_options.image_size = arguments.whole("image-size");
  clip::Model model(model_options);
  model->to(device);
  std::int64_t parameters = 0;
  for (const torch::Tensor& parameter : model->parameters()) parameters += parameter.numel();
  std::printf("%llu pairs to train on, %llu held out, %.1f M parameters, on %s\n",
              static_cast<unsigned long long>(train_loader->samples()),
              static_cast<unsigned long long>(held_out_loader->samples()),
              static_cast<double>(parameters) / 1e6, device.str().c_str());

  const Recall before = measure_recall(model, *held_out_loader, device);
  const Training training = train(model, *train_loader, device, arguments);
  const Recall after = measure_recall(model, *held_out_loader, device);
  report(training, before, after, *train_loader);
  if (training.losses.empty() || !(last_loss(training) < first_loss(training))) {
    std::fprintf(stderr, "train_clip: the loss did not fall\n");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_clip: %s\n", error.what());
    return 1;
  }
}
