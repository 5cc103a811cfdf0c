#include "millrace/formats/tables/arrow_readers.h"

#include <dlfcn.h>

#include <filesystem>

namespace millrace {

namespace {

constexpr const char* kLibrary = "libmillrace_arrow.so";
constexpr const char* kFactory = "millrace_arrow_readers";

// The library that this is in.
std::filesystem::path own_library() {
  static const char here = 0;
  Dl_info info = {};
  return ::dladdr(&here, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

Result<const ArrowReaders*> find_readers() {
  const std::filesystem::path path = own_library().replace_filename(kLibrary);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(
        Reason::io_error,
        "Parquet and Arrow files are read by " + path.string() +
            ", which was not built: install pyarrow==" MILLRACE_ARROW_VERSION
            " for the Python that millrace is built with, and build with MILLRACE_ARROW=ON");
  }
  // Never closed: what it made may be in use until the end.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(Reason::io_error,
                "Parquet and Arrow files need Arrow's libraries: pip install "
                "pyarrow==" MILLRACE_ARROW_VERSION " (" +
                    std::string(why == nullptr ? "dlopen failed" : why) + ")");
  }
  using Factory = const ArrowReaders* (*)(const char*);
  const auto factory = reinterpret_cast<Factory>(::dlsym(library, kFactory));
  const ArrowReaders* readers = factory == nullptr ? nullptr : factory(MILLRACE_VERSION);
  if (readers == nullptr) {
    return fail(Reason::io_error, path.string() +
                                      " is of another version of millrace than " MILLRACE_VERSION
                                      ": build and install them together");
  }
  return readers;
}

}  // namespace

Result<const ArrowReaders*> ArrowReaders::load() {
  static const Result<const ArrowReaders*> found = find_readers();
  return found;
}

}  // namespace millrace
