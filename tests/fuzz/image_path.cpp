// The name of an image, in a folder with links of all kinds: whatever it is, what is read comes
// from below the folder, and both guards agree.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "millrace/formats/images/image_store.h"
#include "millrace/formats/images/rooted_folder.h"

namespace {

namespace fs = std::filesystem;

using Guard = millrace::RootedFolder::Guard;

// Files within hold "inside"; those around it do not. Removed at the end.
class Tree {
 public:
  Tree() {
    std::string pattern = (fs::temp_directory_path() / "millrace-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    top_ = pattern;
    fs::create_directories(top_ / "r" / "a" / "b");
    fs::create_directories(top_ / "o");
    for (const char* file : {"r/f", "r/a/f", "r/a/b/f"}) write(file, "inside");
    for (const char* file : {"f", "o/f"}) write(file, "OUTSIDE");
    link("..", "r/u");
    link("../..", "r/a/u");
    link("a/b", "r/d");
    link("../f", "r/a/l");
    link("../f", "r/x");
    link("../o", "r/o");
    link((top_ / "r" / "a").string(), "r/i");
    link((top_ / "o").string(), "r/e");
    link("/", "r/s");
    link("/proc/self/root", "r/p");
    link("c", "r/c");
  }
  ~Tree() {
    std::error_code ignored;
    fs::remove_all(top_, ignored);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  std::string root() const { return (top_ / "r").string(); }

 private:
  void write(const char* name, const char* text) const { std::ofstream(top_ / name) << text; }
  void link(const std::string& target, const char* name) const {
    fs::create_symlink(target, top_ / name);
  }
  fs::path top_;
};

std::string content(const millrace::RootedFolder& folder, std::string_view name) {
  millrace::Sample sample;
  const auto bytes = folder.read(name, 1 << 20, sample);
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tree tree;
  static const auto best = millrace::RootedFolder::open(tree.root(), Guard::best);
  static const auto portable = millrace::RootedFolder::open(tree.root(), Guard::portable);
  if (!best || !portable) std::abort();
  std::string name(reinterpret_cast<const char*>(data), size);
  (void)millrace::ImageStore::is_url(name);
  // `@` stands for the root, whose name the fuzzer cannot know.
  if (name.starts_with('@')) name.replace(0, 1, tree.root());
  const std::string first = content(*best, name);
  if (!first.empty() && first != "inside") std::abort();
  if (content(*portable, name) != first) std::abort();
  return 0;
}
