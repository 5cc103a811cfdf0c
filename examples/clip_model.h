#pragma once

#include <cstdint>
#include <vector>

#include <torch/torch.h>

/// A small CLIP (Radford et al. 2021): an image and a text encoder with one common space, trained
/// so that a picture and its caption lie close together and far from all others of the batch. Sized
/// to learn something in a minute or two on two cores.
namespace clip {

struct ModelOptions {
  std::int64_t image_size = 64;      ///< a multiple of 16
  std::int64_t image_channels = 24;  ///< of the first of four convolutions
  std::int64_t text_length = 24;     ///< longer captions are cut: attention costs its square
  std::int64_t text_width = 96;
  std::int64_t text_blocks = 2;
  std::int64_t token_width = 64;  ///< of the embedding, narrower than the encoder
  std::int64_t vocabulary = 49408;
  std::int64_t joint_width = 128;
};

/// Float [N, 3, size, size] -> [N, joint_width].
class ImageEncoderImpl : public torch::nn::Module {
 public:
  explicit ImageEncoderImpl(const ModelOptions& options);
  torch::Tensor forward(const torch::Tensor& images);

 private:
  torch::nn::Sequential layers_;
};
TORCH_MODULE(ImageEncoder);

/// One transformer block: causal attention and a two-layer perceptron, normalised before each.
class TextBlockImpl : public torch::nn::Module {
 public:
  explicit TextBlockImpl(std::int64_t width);
  torch::Tensor forward(const torch::Tensor& tokens);

 private:
  torch::nn::LayerNorm attention_norm_, perceptron_norm_;
  torch::nn::Linear query_key_value_, attention_out_, expand_, contract_;
};
TORCH_MODULE(TextBlock);

/// Int64 token ids [N, 77] -> [N, joint_width], read off at the end-of-text token.
class TextEncoderImpl : public torch::nn::Module {
 public:
  explicit TextEncoderImpl(const ModelOptions& options);
  torch::Tensor forward(const torch::Tensor& ids);

 private:
  std::int64_t length_;
  torch::nn::Embedding embedding_;
  torch::nn::Linear widen_, project_;
  torch::nn::Sequential blocks_;
  torch::nn::LayerNorm norm_;
  torch::Tensor positions_;
};
TORCH_MODULE(TextEncoder);

class ModelImpl : public torch::nn::Module {
 public:
  explicit ModelImpl(const ModelOptions& options);

  /// Unit vectors [N, joint_width].
  torch::Tensor encode_images(const torch::Tensor& images);
  torch::Tensor encode_texts(const torch::Tensor& ids);
  /// The symmetric contrastive loss: each picture must find its caption among those of the batch,
  /// and each caption its picture.
  torch::Tensor loss(const torch::Tensor& images, const torch::Tensor& ids);

 private:
  ImageEncoder image_encoder_;
  TextEncoder text_encoder_;
  torch::Tensor log_scale_;
};
TORCH_MODULE(Model);

}  // namespace clip
