#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/loader/options_json.h"
#include "millrace/loader/transform_json.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/image_transform.h"

namespace {

using namespace millrace;  // NOLINT: of every part of it

std::string column_of(const std::string& transform) {
  return R"({"columns":{"image":{"type":"image","fields":"jpg","transform":)" + transform + "}}}";
}

std::string described(const std::string& transform) {
  return options_from_json(column_of(transform)).columns.at(0).second.transform->describe();
}

TEST_CASE("an image transform is read from JSON, and made again of its own description") {
  const std::string json =
      R"({"type":"image","decode":{"max_image_pixels":1000000},)"
      R"("steps":[{"step":"resize","size":224},{"step":"center_crop","size":[200,224],"fill":7},)"
      R"({"step":"random_resized_crop","size":96,"scale":[0.4,1],"filter":"lanczos"},)"
      R"({"step":"horizontal_flip"}],)"
      R"("output":{"dtype":"float16","normalize":"siglip"},"views":2,"stream":5})";
  const std::string description = described(json);
  CHECK(description ==
        R"({"type":"image","decode":{"max_image_pixels":1000000,"max_jpeg_scans":500},"steps":[)"
        R"({"step":"resize","to":"shortest","size":224,"filter":"bicubic"},)"
        R"({"step":"center_crop","size":[200,224],"rounding":"half_even","fill":[7,7,7]},)"
        R"({"step":"random_resized_crop","size":96,"scale":[0.4,1],"ratio":[0.75,1.3333334],)"
        R"("filter":"lanczos"},{"step":"horizontal_flip","probability":0.5}],)"
        R"("output":{"dtype":"float16","layout":"chw","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]},)"
        R"("views":2,"stream":5})");
  CHECK(transform_from_json(description)->describe() == description);
  CHECK(image_options_from_json(json).spec().shape == std::vector<std::int64_t>{2, 3, 96, 96});

  for (const auto& transform : {clip_train_transform(224), siglip_transform(256)}) {
    CHECK(transform_from_json(transform->describe())->describe() == transform->describe());
    CHECK(described(transform->describe()) == transform->describe());
  }
}

TEST_CASE("steps that change colours are read with ranges or with how far they reach") {
  const std::string begin = R"({"type":"image","steps":[{"step":"center_crop","size":8},)";
  const std::string description = described(
      begin + R"({"step":"color_jitter","brightness":0.25,"contrast":[0.5,2],"saturation":1.5,)"
              R"("hue":0.125,"probability":0.75},{"step":"grayscale"},)"
              R"({"step":"gaussian_blur","sigma":[1,2]},)"
              R"({"step":"gaussian_blur","kernel_size":23},{"step":"solarize","threshold":99.5},)"
              R"({"step":"rand_augment","magnitude":7,"fill":5}]})");
  CHECK(description.find(
            R"({"step":"color_jitter","brightness":[0.75,1.25],"contrast":[0.5,2],)"
            R"("saturation":[0,2.5],"hue":[-0.125,0.125],"probability":0.75},)"
            R"({"step":"grayscale","probability":0.1},)"
            R"({"step":"gaussian_blur","sigma":[1,2],"probability":0.5},)"
            R"({"step":"gaussian_blur","sigma":[0.1,2],"probability":0.5,"kernel_size":23},)"
            R"({"step":"solarize","threshold":99.5,"probability":0.5},)"
            R"({"step":"rand_augment","num_ops":2,"magnitude":7,"num_magnitude_bins":31,)"
            R"("fill":[5,5,5]}])") != std::string::npos);
  CHECK(transform_from_json(description)->describe() == description);
  const auto refused = [&](const std::string& step, const char* what) {
    CHECK_THROWS_WITH_AS(options_from_json(column_of(begin + step + "]}")), doctest::Contains(what),
                         std::invalid_argument);
  };
  refused(R"({"step":"color_jitter","brightness":-0.5})", "brightness = [1.5,0.5]");
  refused(R"({"step":"color_jitter","hue":0.75})", "hue = [-0.75,0.75]");
  refused(R"({"step":"color_jitter","contrast":"much"})", "contrast = ");
  refused(R"({"step":"color_jitter","brightnes":1})", R"(the nearest known one is "brightness")");
  refused(R"({"step":"rand_augment","num_magnitude_bins":5})", "magnitude = 9: must be 0 to");
  refused(R"({"step":"gaussian_blur","sigma":2})", "sigma = 2: must be a list of 2 numbers");
  refused(R"({"step":"gaussian_blur","kernel_size":0})", "kernel_size = 0: must be an odd number");
  refused(R"({"step":"gaussian_blur","kernel_size":8})", "kernel_size = 8: must be an odd number");
}

TEST_CASE("what is wrong in an image transform is named by its place") {
  const auto refused = [](const std::string& transform, const char* what) {
    CHECK_THROWS_WITH_AS(options_from_json(column_of(transform)), doctest::Contains(what),
                         std::invalid_argument);
  };
  refused(R"({"type":"image"})", "columns.image.transform.steps");
  refused(R"({"type":"image","steps":[{"step":"resise","size":3}]})",
          R"(steps[0].step = "resise": must be "resize", "center_crop")");
  refused(R"({"type":"image","steps":[{"step":"resize","size":3,"fliter":"box"}]})",
          R"(unknown option "fliter"; the nearest known one is "filter")");
  refused(R"({"type":"image","steps":[{"step":"resize","size":3,"filter":"cubic"}]})",
          R"(filter = "cubic": must be one of "nearest", "box")");
  refused(R"({"type":"image","steps":[{"step":"center_crop","size":[3]}]})",
          "size = [3]: must be one number or [height, width]");
  refused(R"({"type":"image","steps":[{"step":"center_crop","size":3,"fill":[1,2,256]}]})",
          "fill = [1,2,256]: must be a number or [red, green, blue]");
  refused(R"({"type":"image","steps":[{"step":"random_resized_crop","size":3,"scale":0.5}]})",
          "scale = ");
  refused(R"({"type":"image","steps":[{"step":"center_crop"}]})", "size = (nothing)");
  const std::string crop = R"({"type":"image","steps":[{"step":"center_crop","size":3}],)";
  refused(crop + R"("output":{"normalise":"clip"}})", R"(the nearest known one is "normalize")");
  refused(crop + R"("output":{"normalize":"vgg"}})", R"(normalize = "vgg": must be "clip")");
  refused(crop + R"("output":{"normalize":"clip","mean":[0,0,0]}})", "left out, or mean and std");
  refused(crop + R"("output":{"dtype":"int64"}})", R"(dtype = "int64": must be one of "float32")");
  refused(crop + R"("decode":{"max_pixels":3}})", R"(unknown option "max_pixels")");
  refused(crop + R"("views":0})", "views = 0");
  refused(R"({"type":"image","steps":[{"step":"resize","size":3}]})",
          "the size after steps[0] (resize) depends on the image");
}

}  // namespace
