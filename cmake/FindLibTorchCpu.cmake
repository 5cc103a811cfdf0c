# Finds libtorch inside a Python interpreter's torch package and defines millrace_libtorch_cpu, which
# links libtorch_cpu and libc10 alone.
#
# find_package(Torch) is not used: for a CUDA build of torch it demands the same CUDA toolkit on the
# build machine, though nothing here needs one. The interpreter is found as in PythonPackage.cmake.

include(${CMAKE_CURRENT_LIST_DIR}/PythonPackage.cmake)
find_python_package(LIBTORCH_DIR torch "Folder of Python's torch package, or an unpacked libtorch")

find_library(LIBTORCH_CPU_LIBRARY torch_cpu HINTS ${LIBTORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_LIBRARY c10 HINTS ${LIBTORCH_DIR}/lib NO_DEFAULT_PATH)
find_path(LIBTORCH_INCLUDE_DIR ATen/ATen.h HINTS ${LIBTORCH_DIR}/include NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorchCpu
  REQUIRED_VARS LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY LIBTORCH_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install torch for ${Python_EXECUTABLE}, or set LIBTORCH_DIR, or build \
without it: -DMILLRACE_TORCH=OFF")

if(LibTorchCpu_FOUND AND NOT TARGET millrace_libtorch_cpu)
  add_library(millrace_libtorch_cpu INTERFACE IMPORTED)
  target_include_directories(millrace_libtorch_cpu SYSTEM INTERFACE
    ${LIBTORCH_INCLUDE_DIR} ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(millrace_libtorch_cpu INTERFACE ${LIBTORCH_CPU_LIBRARY} ${LIBTORCH_C10_LIBRARY})
  # A CUDA build's libtorch_cpu names CUDA libraries of its own, which it finds at run time by itself.
  target_link_options(millrace_libtorch_cpu INTERFACE -Wl,--allow-shlib-undefined)
endif()
