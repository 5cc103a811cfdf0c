#include "read_flags.h"

#include <charconv>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

namespace millrace::cli {

void add_read_flags(CLI::App& verb, ReadOptions& read) {
  verb.add_option("--format", read.format,
                  "What the files are: tar, jsonl, csv, coco, flickr30k, images, parquet, arrow, "
                  "mds; without it told by name and content");
  verb.add_option("--image-root", read.image_root,
                  "The folder that image paths in rows start from, and may not leave");
  verb.add_option("--image-tars", read.image_tars,
                  "Tars whose members are the images that rows name; repeatable")
      ->allow_extra_args(false);
  verb.add_option("--image-paths", read.image_paths,
                  "Columns of which the first present names the image's file; repeatable")
      ->allow_extra_args(false);
  verb.add_option("--keys", read.keys,
                  "Columns of which the first present is the sample's key; repeatable")
      ->allow_extra_args(false);
  verb.add_option("--separator", read.separator, "Of CSV: the character between columns");
}

void add_threads_flag(CLI::App& verb, std::size_t& threads) {
  constexpr std::size_t kMostThreads = 4096;
  verb.add_option("--threads,--num-proc", threads, "Threads; 0: all cores")
      ->check([](const std::string& value) {
        std::size_t number = 0;
        const auto [stop, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (error == std::errc() && stop == value.data() + value.size() && number <= kMostThreads) {
          return std::string();
        }
        return value + ": must be 0 to " + std::to_string(kMostThreads);
      })
      ->capture_default_str();
}

}  // namespace millrace::cli
