#include <iostream>

#include <millrace/torch_ext/data_loader.h>

int main(int, char** words) {
  millrace::LoaderOptions options;
  options.sources = {words[1]};
  options.columns = millrace::clip_columns(32);
  options.batch_size = 2;
  const auto loader = millrace::torch_ext::make_data_loader(options);
  for (const auto& batch : *loader) {
    const auto sizes = batch["image"].sizes();
    std::cout << sizes[0] << " samples of " << sizes[1] << " x " << sizes[2] << " x " << sizes[3]
              << "\n";
  }
}
