#include "clip_model.h"

#include <cmath>

namespace clip {

namespace nn = torch::nn;

namespace {

constexpr std::int64_t kHeads = 4;

void push_convolution(nn::Sequential& layers, std::int64_t from, std::int64_t to) {
  layers->push_back(nn::Conv2d(nn::Conv2dOptions(from, to, 3).stride(2).padding(1).bias(false)));
  layers->push_back(nn::BatchNorm2d(to));
  layers->push_back(nn::ReLU());
}

}  // namespace

ImageEncoderImpl::ImageEncoderImpl(const ModelOptions& options) {
  constexpr std::int64_t kHidden = 256;
  const std::int64_t channels = options.image_channels;
  const std::int64_t side = options.image_size / 16;
  push_convolution(layers_, 3, channels);
  push_convolution(layers_, channels, 2 * channels);
  push_convolution(layers_, 2 * channels, 4 * channels);
  push_convolution(layers_, 4 * channels, 4 * channels);
  // Flattened rather than averaged: where a shape is matters as much as what it is.
  layers_->push_back(nn::Flatten());
  layers_->push_back(nn::Linear(4 * channels * side * side, kHidden));
  layers_->push_back(nn::ReLU());
  layers_->push_back(nn::Linear(kHidden, options.joint_width));
  register_module("layers", layers_);
}

torch::Tensor ImageEncoderImpl::forward(const torch::Tensor& images) {
  return layers_->forward(images);
}

TextBlockImpl::TextBlockImpl(std::int64_t width)
    : attention_norm_(
          register_module("attention_norm", nn::LayerNorm(nn::LayerNormOptions({width})))),
      perceptron_norm_(
          register_module("perceptron_norm", nn::LayerNorm(nn::LayerNormOptions({width})))),
      query_key_value_(register_module("query_key_value", nn::Linear(width, 3 * width))),
      attention_out_(register_module("attention_out", nn::Linear(width, width))),
      expand_(register_module("expand", nn::Linear(width, 2 * width))),
      contract_(register_module("contract", nn::Linear(2 * width, width))) {}

torch::Tensor TextBlockImpl::forward(const torch::Tensor& tokens) {
  const auto batch = tokens.size(0);
  const auto length = tokens.size(1);
  const auto width = tokens.size(2);
  const torch::Tensor heads = query_key_value_(attention_norm_(tokens))
                                  .view({batch, length, 3, kHeads, width / kHeads})
                                  .permute({2, 0, 3, 1, 4});
  const torch::Tensor mixed =
      at::scaled_dot_product_attention(heads[0], heads[1], heads[2], {}, 0.0, /*is_causal=*/true)
          .transpose(1, 2)
          .reshape({batch, length, width});
  const torch::Tensor attended = tokens + attention_out_(mixed);
  return attended + contract_(torch::gelu(expand_(perceptron_norm_(attended))));
}

TextEncoderImpl::TextEncoderImpl(const ModelOptions& options)
    : length_(options.text_length),
      embedding_(
          register_module("embedding", nn::Embedding(options.vocabulary, options.token_width))),
      widen_(register_module("widen", nn::Linear(options.token_width, options.text_width))),
      project_(register_module("project", nn::Linear(options.text_width, options.joint_width))),
      norm_(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({options.text_width})))),
      positions_(register_parameter(
          "positions", 0.1 * torch::randn({options.text_length, options.text_width}))) {
  nn::init::normal_(embedding_->weight, 0.0, 0.1);
  for (std::int64_t i = 0; i < options.text_blocks; ++i) {
    blocks_->push_back(TextBlock(options.text_width));
  }
  register_module("blocks", blocks_);
}

torch::Tensor TextEncoderImpl::forward(const torch::Tensor& ids) {
  const torch::Tensor shown = ids.slice(1, 0, length_);
  torch::Tensor tokens = widen_(embedding_(shown)) + positions_;
  tokens = norm_(blocks_->forward(tokens));
  // The end-of-text token has the largest id, and the causal mask lets it see the whole caption.
  const torch::Tensor rows = torch::arange(ids.size(0), ids.device());
  return project_(tokens.index({rows, shown.argmax(1)}));
}

ModelImpl::ModelImpl(const ModelOptions& options)
    : image_encoder_(register_module("image_encoder", ImageEncoder(options))),
      text_encoder_(register_module("text_encoder", TextEncoder(options))),
      log_scale_(register_parameter("log_scale", torch::tensor(std::log(1 / 0.07F)))) {}

torch::Tensor ModelImpl::encode_images(const torch::Tensor& images) {
  return torch::nn::functional::normalize(image_encoder_(images));
}

torch::Tensor ModelImpl::encode_texts(const torch::Tensor& ids) {
  return torch::nn::functional::normalize(text_encoder_(ids));
}

torch::Tensor ModelImpl::loss(const torch::Tensor& images, const torch::Tensor& ids) {
  const torch::Tensor scale = log_scale_.clamp_max(std::log(100.0)).exp();
  const torch::Tensor logits = scale * encode_images(images).matmul(encode_texts(ids).t());
  const torch::Tensor own = torch::arange(ids.size(0), ids.device());
  return (torch::cross_entropy_loss(logits, own) + torch::cross_entropy_loss(logits.t(), own)) / 2;
}

}  // namespace clip
