#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace millrace::test {

/// With the folders it needs.
void write_file(const std::filesystem::path& file, std::string_view content);

/// A fresh folder for a test's files, removed with its content at the test's end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return folder_; }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  /// Writes a file, with the folders it needs, and returns its path.
  std::string write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace millrace::test
