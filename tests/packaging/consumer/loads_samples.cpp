#include <iostream>

#include <millrace/loader/loader.h>

int main(int, char** words) {
  millrace::LoaderOptions options;
  options.sources = {words[1]};
  options.columns = millrace::clip_columns(32);
  options.batch_size = 2;
  millrace::Loader loader(options);
  while (const auto batch = loader.next()) {
    const auto& shape = (*batch)["image"].spec->shape;
    std::cout << batch->size << " samples of " << shape[0] << " x " << shape[1] << " x " << shape[2]
              << "\n";
  }
}
