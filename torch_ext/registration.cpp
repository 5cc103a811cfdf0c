// Everything Python sees: classes and operators registered with torch, which needs no Python ABI.
// Text that may not be UTF-8 crosses as uint8 tensors; structures cross as JSON.

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/Functions.h>
#include <torch/custom_class.h>
#include <torch/library.h>

#include "millrace/formats/sample_stream.h"
#include "millrace/loader/aspect_buckets.h"
#include "millrace/loader/json.h"
#include "millrace/loader/options_json.h"
#include "millrace/loader/options_yaml.h"
#include "millrace/loader/read_options_json.h"
#include "millrace/loader/transform_json.h"
#include "millrace/torch_ext/data_loader.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/resize/resize.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace::torch_ext {

namespace {

at::Tensor bytes_tensor(const void* data, std::size_t bytes) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(bytes)}, at::kByte);
  if (bytes > 0) std::memcpy(tensor.data_ptr(), data, bytes);
  return tensor;
}

std::span<const std::uint8_t> as_bytes(const at::Tensor& tensor) {
  TORCH_CHECK_VALUE(
      tensor.scalar_type() == at::kByte && tensor.is_contiguous() && tensor.device().is_cpu(),
      "expected a contiguous uint8 tensor on the CPU");
  return {tensor.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(tensor.numel())};
}

ImageView as_image(const at::Tensor& image) {
  TORCH_CHECK_VALUE(image.dim() == 3 && image.size(2) == 3, "an image is uint8 [height, width, 3]");
  TORCH_CHECK_VALUE(image.size(0) < INT32_MAX && image.size(1) < INT32_MAX,
                    "the image is too large");
  const auto bytes = as_bytes(image);
  return {bytes.data(), static_cast<int>(image.size(1)), static_cast<int>(image.size(0)),
          static_cast<std::size_t>(image.size(1)) * 3};
}

// The texts of `bytes`, one after another, each `lengths[i]` long.
std::vector<std::string_view> split(const at::Tensor& bytes,
                                    const std::vector<std::int64_t>& lengths) {
  const auto all = as_bytes(bytes);
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (const std::int64_t length : lengths) {
    const auto size = static_cast<std::size_t>(length);
    TORCH_CHECK_VALUE(length >= 0 && size <= all.size() - begin, "lengths exceed the bytes");
    parts.emplace_back(reinterpret_cast<const char*>(all.data()) + begin, size);
    begin += size;
  }
  return parts;
}

// (bytes, lengths) of byte strings, one after another.
std::tuple<at::Tensor, std::vector<std::int64_t>> join(const std::vector<std::string>& strings) {
  std::size_t total = 0;
  std::vector<std::int64_t> lengths;
  for (const std::string& text : strings) {
    total += text.size();
    lengths.push_back(static_cast<std::int64_t>(text.size()));
  }
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(total)}, at::kByte);
  auto* to = static_cast<char*>(bytes.data_ptr());
  for (const std::string& text : strings) {
    if (text.empty()) continue;
    std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
  return {bytes, lengths};
}

// An error as Python's LoaderError takes it: [message, reason, shard, key], and the offset or -1.
using ErrorParts = std::tuple<std::vector<std::string>, std::int64_t>;

ErrorParts parts_of(const Error& error) {
  const bool placed = error.offset_bytes != Error::kNoOffset;
  return {{printable_utf8(error.to_string()), std::string(reason_name(error.reason)),
           printable_utf8(error.shard), printable_utf8(error.key)},
          placed ? static_cast<std::int64_t>(error.offset_bytes) : -1};
}

// What failure() returns where nothing has failed.
ErrorParts no_error() { return {std::vector<std::string>{}, -1}; }

class PythonLoader : public torch::CustomClassHolder {
 public:
  explicit PythonLoader(const std::string& options) {
    attempt([&] { loader_.emplace(options_from_json(options)); });
  }

  // Why the dataset could not be opened, or an epoch not be begun; asked for right after. Without a
  // dataset nothing else may be asked for.
  ErrorParts failure() { return failure_; }

  // What next() came to; the tensors and byte strings of "batch" are in Python's column order.
  // status: "batch", "end", "waiting", or "error" with its parts.
  using Taken = std::tuple<std::string, ErrorParts, std::vector<at::Tensor>,
                           std::vector<at::Tensor>, std::vector<std::vector<std::int64_t>>>;

  Taken next(double seconds) {
    Taken result;
    auto& [status, error, tensors, strings, lengths] = result;
    try {
      DataLoader::Taken taken = loader_->next_within(seconds);
      if (!taken.batch) {
        status = taken.end ? "end" : "waiting";
        return result;
      }
      status = "batch";
      for (const auto& [name, tensor] : taken.batch->tensors()) tensors.push_back(tensor);
      for (const auto& [name, values] : taken.batch->all_strings()) {
        auto [bytes, sizes] = join(values);
        strings.push_back(std::move(bytes));
        lengths.push_back(std::move(sizes));
      }
    } catch (const LoaderError& failure) {
      status = "error";
      error = parts_of(failure.error());
    }
    return result;
  }

  void start_epoch() {
    attempt([&] { loader_->start_epoch(); });
  }
  void set_epoch(std::int64_t epoch) {
    TORCH_CHECK_VALUE(epoch >= 0, "epoch = ", epoch, ": must not be negative");
    attempt([&] { loader_->set_epoch(static_cast<std::uint64_t>(epoch)); });
  }
  std::int64_t epoch() { return static_cast<std::int64_t>(loader_->epoch()); }
  std::int64_t batches() { return static_cast<std::int64_t>(loader_->size()); }
  bool length_is_known() { return loader_->length_is_known(); }
  std::int64_t samples() { return static_cast<std::int64_t>(loader_->samples()); }
  std::string state() { return loader_->state(); }
  void load_state(const std::string& state, bool new_shares) {
    attempt([&] { loader_->load_state(state, {new_shares}); });
  }
  std::string ledger(bool with_shards) { return loader_->ledger(with_shards).to_json(); }
  std::string stats() { return loader_->stats().to_json(); }
  // Names of the columns with tensors, and of those with byte strings, in batch order.
  std::tuple<std::vector<std::string>, std::vector<std::string>> columns() {
    std::tuple<std::vector<std::string>, std::vector<std::string>> names;
    const std::vector<Columns> sets = loader_->options().column_sets();
    for (const auto& [name, column] : sets.front()) {  // the others have the same names
      const bool is_bytes = column.transform->output().dtype == Dtype::bytes;
      (is_bytes ? std::get<1>(names) : std::get<0>(names)).push_back(name);
    }
    return names;
  }

 private:
  template <typename Action>
  void attempt(const Action& action) {
    failure_ = no_error();
    try {
      action();
    } catch (const LoaderError& failure) {
      failure_ = parts_of(failure.error());
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());  // Python's ValueError
    }
  }

  std::optional<DataLoader> loader_;
  ErrorParts failure_ = no_error();
};

class PythonSampleStream : public torch::CustomClassHolder {
 public:
  PythonSampleStream(const std::vector<std::string>& specs, const std::string& read) {
    ReadOptions options;
    try {
      options = read_options_from_json(read);
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());
    }
    Result<SampleStream> opened = open(specs, options);
    if (opened) {
      stream_ = std::move(*opened);
    } else {
      failure_ = parts_of(opened.error());
    }
  }

  ErrorParts failure() { return failure_; }

  // status: "sample", "end" or "error"; then key, shard, offset, field names, field bytes.
  using Taken = std::tuple<std::string, ErrorParts, at::Tensor, std::string, std::int64_t,
                           std::vector<std::string>, std::vector<at::Tensor>>;

  Taken next() {
    Taken result;
    auto& [status, error, key, shard, offset, names, fields] = result;
    key = bytes_tensor(nullptr, 0);
    const Result<bool> read = stream_.next(sample_);
    if (!read) {
      status = "error";
      error = parts_of(read.error());
      return result;
    }
    status = *read ? "sample" : "end";
    if (!*read) return result;
    key = bytes_tensor(sample_.key().data(), sample_.key().size());
    shard = printable_utf8(sample_.shard());
    offset = static_cast<std::int64_t>(sample_.begin_bytes());
    for (const Field& field : sample_.fields()) {
      names.push_back(printable_utf8(field.name));
      fields.push_back(bytes_tensor(field.data.data(), field.data.size()));
    }
    return result;
  }

 private:
  SampleStream stream_;
  Sample sample_;
  ErrorParts failure_ = no_error();
};

class PythonImageTransform : public torch::CustomClassHolder {
 public:
  explicit PythonImageTransform(const std::string& description) {
    try {
      const ImageTransformOptions options = image_options_from_json(description);
      spec_ = options.spec();
      processor_.emplace(options);
      writer_ = image_transform(options)->make_writer();
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());
    }
  }

  // What the transform makes and no error, or nothing and the error's parts. `image` is uint8
  // [height, width, 3], or the bytes of an encoded one.
  std::tuple<at::Tensor, std::vector<std::string>, std::int64_t> apply(const at::Tensor& image,
                                                                       std::int64_t seed) {
    const Draw draw{static_cast<std::uint64_t>(seed)};
    at::Tensor output = at::empty(spec_.shape, scalar_type(spec_.dtype));
    const std::span slot(static_cast<std::byte*>(output.data_ptr()), output.nbytes());
    StageTimes times;
    // Python calls without its lock, and the scratch is of one thread.
    const std::lock_guard lock(mutex_);
    const Result<void> done = image.dim() == 1
                                  ? writer_->write(as_bytes(image), slot, draw, times)
                                  : processor_->apply(as_image(image), draw, slot, times);
    if (!done) return std::tuple_cat(std::tuple(at::empty({0}, at::kByte)), parts_of(done.error()));
    return std::tuple_cat(std::tuple(output), no_error());
  }

 private:
  OutputSpec spec_;
  std::optional<ImageProcessor> processor_;
  std::unique_ptr<SlotWriter> writer_;
  std::mutex mutex_;
};

class PythonTokenizer : public torch::CustomClassHolder {
 public:
  explicit PythonTokenizer(const std::string& description) {
    try {
      tokenizer_ = tokenizer_from_json(description);
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());
    }
  }

  std::string describe() { return tokenizer_->describe(); }

  // The ids, and which of them are no padding.
  std::tuple<at::Tensor, at::Tensor> encode(const at::Tensor& bytes,
                                            const std::vector<std::int64_t>& lengths) {
    const std::vector<std::string_view> texts = split(bytes, lengths);
    const auto width = static_cast<std::size_t>(tokenizer_->context_length());
    const auto count = static_cast<std::int64_t>(texts.size());
    at::Tensor ids = at::empty({count, tokenizer_->context_length()}, at::kLong);
    at::Tensor mask = at::empty({count, tokenizer_->context_length()}, at::kLong);
    auto* to = ids.mutable_data_ptr<std::int64_t>();
    auto* mask_to = mask.mutable_data_ptr<std::int64_t>();
    for (const std::string_view text : texts) {
      tokenizer_->write_mask(tokenizer_->encode(text, {to, width}), {mask_to, width});
      to += width;
      mask_to += width;
    }
    return {ids, mask};
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
};

// The options that a YAML file describes, as JSON, and no error; or nothing and the error's parts.
// Height, width, height, ...
std::vector<std::int64_t> aspect_sizes(std::int64_t side, std::int64_t step, double max_aspect) {
  std::vector<std::int64_t> sides;
  try {
    // What is no int is out of range anyway.
    const auto narrow = [](std::int64_t number) {
      return static_cast<int>(std::clamp<std::int64_t>(number, -1, kLargestImageSide + 1));
    };
    for (const ImageSize size : millrace::aspect_sizes(narrow(side), narrow(step), max_aspect)) {
      sides.insert(sides.end(), {size.height, size.width});
    }
  } catch (const std::invalid_argument& error) {
    TORCH_CHECK_VALUE(false, error.what());
  }
  return sides;
}

std::tuple<std::string, std::vector<std::string>, std::int64_t> described_options(
    const std::string& path) {
  try {
    return std::tuple_cat(std::tuple(yaml_to_json(path)), no_error());
  } catch (const LoaderError& error) {
    return std::tuple_cat(std::tuple(std::string()), parts_of(error.error()));
  } catch (const std::invalid_argument& error) {
    TORCH_CHECK_VALUE(false, error.what());
  }
}

// The pixels and no error, or nothing and the error's parts.
std::tuple<at::Tensor, std::vector<std::string>, std::int64_t> decode_image(
    const at::Tensor& data, const std::string& options) {
  // Keeps its scratch between calls.
  thread_local std::pair<std::string, std::unique_ptr<ImageDecoder>> kept;
  if (!kept.second || kept.first != options) {
    try {
      kept = {options, std::make_unique<ImageDecoder>(decode_options_from_json(options))};
    } catch (const std::invalid_argument& error) {
      TORCH_CHECK_VALUE(false, error.what());
    }
  }
  const Result<ImageView> image = kept.second->decode(as_bytes(data));
  if (!image) {
    return std::tuple_cat(std::tuple(at::empty({0, 0, 3}, at::kByte)), parts_of(image.error()));
  }
  at::Tensor pixels = at::empty({image->height, image->width, 3}, at::kByte);
  auto* to = pixels.mutable_data_ptr<std::uint8_t>();
  const std::size_t row_bytes = static_cast<std::size_t>(image->width) * 3;
  for (int y = 0; y < image->height; ++y, to += row_bytes) {
    std::memcpy(to, image->row(y), row_bytes);
  }
  return std::tuple_cat(std::tuple(pixels), no_error());
}

Filter filter_named(const std::string& name) {
  for (const Filter filter : kAllFilters) {
    if (name == filter_name(filter)) return filter;
  }
  TORCH_CHECK_VALUE(false, "filter = \"", name,
                    "\": must be nearest, box, bilinear, hamming, bicubic or lanczos");
}

at::Tensor resize_image(const at::Tensor& image, std::int64_t height, std::int64_t width,
                        const std::string& filter, const std::vector<double>& box) {
  constexpr std::int64_t kLongestSide = 1 << 20;
  TORCH_CHECK_VALUE(height >= 1 && height <= kLongestSide && width >= 1 && width <= kLongestSide,
                    "size = (", height, ", ", width, "): each side must be 1 to ", kLongestSide);
  TORCH_CHECK_VALUE(box.empty() || box.size() == 4, "box = (left, top, right, bottom)");
  Resizer::Geometry geometry;
  geometry.full_width = static_cast<int>(width);
  geometry.full_height = static_cast<int>(height);
  if (!box.empty()) geometry.box = {box[0], box[1], box[2], box[3]};
  at::Tensor output = at::empty({height, width, 3}, at::kByte);
  thread_local Resizer resizer;
  const Result<void> resized =
      resizer.resize(as_image(image), geometry, filter_named(filter),
                     {output.mutable_data_ptr<std::uint8_t>(), geometry.full_width,
                      geometry.full_height, static_cast<std::size_t>(width) * 3});
  TORCH_CHECK_VALUE(resized.has_value(), resized.error().message);
  return output;
}

}  // namespace

// The macros open a block each; what they register is described in python/millrace.
TORCH_LIBRARY(millrace, m) {
  m.def("described_options(str path) -> (str, str[], int)", &described_options);
  m.def("aspect_sizes(int side, int step, float max_aspect) -> int[]", &aspect_sizes);
  m.def("decode_image(Tensor data, str options) -> (Tensor, str[], int)", &decode_image);
  m.def("resize(Tensor image, int height, int width, str filter, float[] box) -> Tensor",
        &resize_image);

  m.class_<PythonImageTransform>("ImageTransform")
      .def(torch::init<std::string>())
      .def("apply", &PythonImageTransform::apply);

  m.class_<PythonTokenizer>("Tokenizer")
      .def(torch::init<std::string>())
      .def("describe", &PythonTokenizer::describe)
      .def("encode", &PythonTokenizer::encode);

  m.class_<PythonSampleStream>("SampleStream")
      .def(torch::init<std::vector<std::string>, std::string>())
      .def("failure", &PythonSampleStream::failure)
      .def("next", &PythonSampleStream::next);

  m.class_<PythonLoader>("DataLoader")
      .def(torch::init<std::string>())
      .def("failure", &PythonLoader::failure)
      .def("next", &PythonLoader::next)
      .def("start_epoch", &PythonLoader::start_epoch)
      .def("set_epoch", &PythonLoader::set_epoch)
      .def("epoch", &PythonLoader::epoch)
      .def("batches", &PythonLoader::batches)
      .def("samples", &PythonLoader::samples)
      .def("length_is_known", &PythonLoader::length_is_known)
      .def("state", &PythonLoader::state)
      .def("load_state", &PythonLoader::load_state)
      .def("ledger", &PythonLoader::ledger)
      .def("stats", &PythonLoader::stats)
      .def("columns", &PythonLoader::columns);
}

}  // namespace millrace::torch_ext
