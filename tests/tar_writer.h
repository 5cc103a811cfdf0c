#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace millrace::test {

/// Member name -> content, in order.
using TarMembers = std::vector<std::pair<std::string, std::string>>;

/// A plain ustar archive of these members with its two closing zero blocks. Names up to 100 bytes.
std::string make_tar(const TarMembers& members);

/// With the folders it needs.
void write_file(const std::filesystem::path& file, const std::string& content);

/// A folder that is removed with its content at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace millrace::test
