#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace {

// Sample indexes that loaders keep go into a folder of this run's own, not into the user's.
class CacheFolder {
 public:
  CacheFolder()
      : path_((std::filesystem::temp_directory_path() / "millrace-test-cache-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) {
      std::perror(path_.c_str());
      std::exit(1);
    }
    setenv("MILLRACE_CACHE_DIR", path_.c_str(), 1);
  }
  ~CacheFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

 private:
  std::string path_;
};

}  // namespace

int main(int count, char** words) {
  const CacheFolder cache;
  return doctest::Context(count, words).run();
}
