#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/loader/decode_options_json-inl.h"
#include "millrace/loader/image_transform_json-inl.h"

namespace millrace {

namespace json = boost::json;

namespace {

/// The one of `choices` that `key` names; `otherwise` where it is absent.
template <typename Choices, typename Choice, typename NameOf>
Choice read_choice(const JsonObject& from, std::string_view key, const Choices& choices,
                   Choice otherwise, NameOf name_of) {
  if (!from.has(key)) return otherwise;
  const std::string name = from.text(key);
  std::string names;
  for (const Choice choice : choices) {
    if (name == name_of(choice)) return choice;
    names += (names.empty() ? "\"" : ", \"") + std::string(name_of(choice)) + "\"";
  }
  from.wrong(key, "one of " + names);
}

Filter read_filter(const JsonObject& from, Filter otherwise = Filter::bicubic) {
  return read_choice(from, "filter", kAllFilters, otherwise, filter_name);
}

DecodeOptions read_decode(const JsonObject& from) {
  if (!from.has("decode")) return {};
  const JsonObject decode = from.at("decode");
  decode.allow_only({}, kDecodeOptionKeys);
  return read_decode_options(decode);
}

/// A number for a square, or [height, width].
ImageSize read_size(const JsonObject& from) {
  const json::value* value = from.find("size");
  if (value == nullptr || !value->is_array()) return square(from.small_int("size"));
  const auto sides = from.numbers("size");
  constexpr std::uint64_t kMost = kLargestImageSide;
  if (sides.size() != 2 || sides[0] > kMost || sides[1] > kMost) {
    from.wrong("size", "one number or [height, width], each up to " + std::to_string(kMost));
  }
  return {static_cast<int>(sides[1]), static_cast<int>(sides[0])};
}

template <std::size_t kSize>
void read_floats(const JsonObject& from, std::string_view key, std::array<float, kSize>& to) {
  const json::value* value = from.find(key);
  if (value == nullptr) return;
  const std::string wanted = "a list of " + std::to_string(kSize) + " numbers";
  if (!value->is_array() || value->get_array().size() != kSize) from.wrong(key, wanted);
  for (std::size_t i = 0; i < kSize; ++i) {
    const json::value& number = value->get_array()[i];
    if (!number.is_number()) from.wrong(key, wanted);
    to[i] = number.to_number<float>();
  }
}

std::array<std::uint8_t, 3> read_fill(const JsonObject& from) {
  const json::value* value = from.find("fill");
  if (value == nullptr) return {0, 0, 0};
  std::vector<std::uint64_t> channels;
  if (value->is_array()) {
    channels = from.numbers("fill");
  } else {
    channels.assign(3, from.number("fill"));
  }
  std::array<std::uint8_t, 3> fill = {0, 0, 0};
  for (std::size_t c = 0; c < 3; ++c) {
    if (channels.size() != 3 || channels[c] > 255) {
      from.wrong("fill", "a number or [red, green, blue], each 0 to 255");
    }
    fill[c] = static_cast<std::uint8_t>(channels[c]);
  }
  return fill;
}

ImageStep read_resize(const JsonObject& from) {
  from.allow_only({"step", "to", "size", "filter"});
  constexpr std::array kAll = {ResizeTo::shortest, ResizeTo::longest, ResizeTo::cover,
                               ResizeTo::exact};
  return Resize{read_choice(from, "to", kAll, ResizeTo::shortest, resize_to_name), read_size(from),
                read_filter(from)};
}

ImageStep read_center_crop(const JsonObject& from) {
  from.allow_only({"step", "size", "rounding", "fill"});
  constexpr std::array kAll = {CropRounding::half_even, CropRounding::floor};
  return CenterCrop{
      read_size(from),
      read_choice(from, "rounding", kAll, CropRounding::half_even, crop_rounding_name),
      read_fill(from)};
}

ImageStep read_random_resized_crop(const JsonObject& from) {
  from.allow_only({"step", "size", "scale", "ratio", "filter"});
  RandomResizedCrop crop;
  crop.size = read_size(from);
  read_floats(from, "scale", crop.scale);
  read_floats(from, "ratio", crop.ratio);
  crop.filter = read_filter(from);
  return crop;
}

float read_float(const JsonObject& from, std::string_view key, float otherwise) {
  auto number = static_cast<double>(otherwise);
  from.read(key, number);
  return static_cast<float>(number);
}

/// As torchvision's ColorJitter takes it: [low, high], or how far to both sides of `center`.
void read_factors(const JsonObject& from, std::string_view key, float center, float least,
                  std::array<float, 2>& to) {
  const json::value* value = from.find(key);
  if (value == nullptr || !value->is_number()) return read_floats(from, key, to);
  const auto reach = value->to_number<float>();
  to = {std::max(least, center - reach), center + reach};
}

ImageStep read_horizontal_flip(const JsonObject& from) {
  from.allow_only({"step", "probability"});
  return HorizontalFlip{read_float(from, "probability", HorizontalFlip{}.probability)};
}

ImageStep read_color_jitter(const JsonObject& from) {
  from.allow_only({"step", "brightness", "contrast", "saturation", "hue", "probability"});
  ColorJitter jitter;
  read_factors(from, "brightness", 1, 0, jitter.brightness);
  read_factors(from, "contrast", 1, 0, jitter.contrast);
  read_factors(from, "saturation", 1, 0, jitter.saturation);
  read_factors(from, "hue", 0, -1, jitter.hue);
  jitter.probability = read_float(from, "probability", jitter.probability);
  return jitter;
}

ImageStep read_grayscale(const JsonObject& from) {
  from.allow_only({"step", "probability"});
  return Grayscale{read_float(from, "probability", Grayscale{}.probability)};
}

ImageStep read_gaussian_blur(const JsonObject& from) {
  from.allow_only({"step", "sigma", "probability", "kernel_size"});
  GaussianBlur blur;
  read_floats(from, "sigma", blur.sigma);
  blur.probability = read_float(from, "probability", blur.probability);
  if (from.find("kernel_size") != nullptr) blur.kernel_size = from.small_int("kernel_size", 0);
  return blur;
}

ImageStep read_solarize(const JsonObject& from) {
  from.allow_only({"step", "threshold", "probability"});
  const Solarize otherwise;
  return Solarize{read_float(from, "threshold", otherwise.threshold),
                  read_float(from, "probability", otherwise.probability)};
}

ImageStep read_rand_augment(const JsonObject& from) {
  from.allow_only({"step", "num_ops", "magnitude", "num_magnitude_bins", "fill"});
  RandAugment augment;
  augment.num_ops = from.small_int("num_ops", augment.num_ops);
  augment.magnitude = from.small_int("magnitude", augment.magnitude);
  augment.num_magnitude_bins = from.small_int("num_magnitude_bins", augment.num_magnitude_bins);
  augment.fill = read_fill(from);
  return augment;
}

ImageStep read_step(const JsonObject& from) {
  struct Reader {
    std::string_view name;
    ImageStep (*read)(const JsonObject&);
  };
  constexpr std::array kReaders = {Reader{"resize", read_resize},
                                   Reader{"center_crop", read_center_crop},
                                   Reader{"random_resized_crop", read_random_resized_crop},
                                   Reader{"horizontal_flip", read_horizontal_flip},
                                   Reader{"color_jitter", read_color_jitter},
                                   Reader{"grayscale", read_grayscale},
                                   Reader{"gaussian_blur", read_gaussian_blur},
                                   Reader{"solarize", read_solarize},
                                   Reader{"rand_augment", read_rand_augment}};
  const std::string name = from.text("step");
  std::string names;
  for (std::size_t i = 0; i < kReaders.size(); ++i) {
    if (name == kReaders[i].name) return kReaders[i].read(from);
    const char* before = i == 0 ? "" : (i + 1 == kReaders.size() ? " or " : ", ");
    names += std::string(before) + "\"" + std::string(kReaders[i].name) + "\"";
  }
  from.wrong("step", names);
}

/// `output` of a transform; what is absent stays as it is in `otherwise`.
ImageOutput read_output(const JsonObject& parent, const ImageOutput& otherwise) {
  if (!parent.has("output")) return otherwise;
  const JsonObject from = parent.at("output");
  from.allow_only({"dtype", "layout", "normalize", "mean", "std"});
  constexpr std::array kDtypes = {Dtype::float32, Dtype::float16, Dtype::bfloat16, Dtype::uint8};
  constexpr std::array kLayouts = {PixelLayout::chw, PixelLayout::hwc};
  ImageOutput output = otherwise;
  output.dtype = read_choice(from, "dtype", kDtypes, output.dtype, dtype_name);
  output.layout = read_choice(from, "layout", kLayouts, output.layout, pixel_layout_name);
  if (from.has("normalize")) {
    if (from.has("mean") || from.has("std")) {
      from.wrong("normalize", "left out, or mean and std");
    }
    try {
      output.normalization = normalization_named(from.text("normalize"));
    } catch (const std::invalid_argument&) {
      from.wrong("normalize", R"("clip", "imagenet", "siglip" or "inception")");
    }
  }
  read_floats(from, "mean", output.normalization.mean);
  read_floats(from, "std", output.normalization.std);
  return output;
}

}  // namespace

ImageTransformOptions read_image_options(const JsonObject& from) {
  from.allow_only({"type", "decode", "steps", "output", "views", "stream"});
  ImageTransformOptions options;
  options.decode = read_decode(from);
  const json::value* steps = from.find("steps");
  if (steps == nullptr || !steps->is_array()) from.wrong("steps", "a list of steps");
  for (const json::value& step : steps->get_array()) {
    const std::string place =
        from.place("steps") + "[" + std::to_string(options.steps.size()) + "]";
    options.steps.push_back(read_step(JsonObject(step, place)));
  }
  options.output = read_output(from, options.output);
  options.views = from.small_int("views", options.views);
  from.read("stream", options.stream);
  return options;
}

std::shared_ptr<const Transform> read_image_patches(const JsonObject& from) {
  from.allow_only({"type", "part", "decode", "patch_size", "max_patches", "filter", "output"});
  constexpr std::array kParts = {PatchPart::pixels, PatchPart::mask, PatchPart::coordinates,
                                 PatchPart::shape};
  PatchOptions options;
  options.decode = read_decode(from);
  options.patch_size = from.small_int("patch_size", options.patch_size);
  options.max_patches = from.small_int("max_patches", options.max_patches);
  options.filter = read_filter(from, options.filter);
  const ImageOutput output =
      read_output(from, {options.dtype, PixelLayout::hwc, options.normalization});
  if (output.layout != PixelLayout::hwc) from.at("output").wrong("layout", "\"hwc\"");
  options.dtype = output.dtype;
  options.normalization = output.normalization;
  return image_patches(options,
                       read_choice(from, "part", kParts, PatchPart::pixels, patch_part_name));
}

}  // namespace millrace
