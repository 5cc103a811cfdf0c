# Finds Arrow C++ inside a Python interpreter's pyarrow package, which has its headers and libraries,
# and defines millrace_arrow_of_python, which links libarrow and libparquet.
#
# The interpreter is found as in PythonPackage.cmake. ARROW_OF_PYTHON_VERSION is the one version that
# is taken: Arrow's libraries change their names, and their ABI, with every major one.

include(${CMAKE_CURRENT_LIST_DIR}/PythonPackage.cmake)
find_python_package(ARROW_OF_PYTHON_DIR pyarrow "Folder of Python's pyarrow package")

set(arrow_config ${ARROW_OF_PYTHON_DIR}/include/arrow/util/config.h)
if(ARROW_OF_PYTHON_DIR AND EXISTS ${arrow_config})
  file(STRINGS ${arrow_config} version_line REGEX "define ARROW_VERSION_STRING ")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" ArrowOfPython_VERSION "${version_line}")
  file(STRINGS ${arrow_config} so_line REGEX "define ARROW_SO_VERSION ")
  string(REGEX MATCH "[0-9]+" arrow_so_version "${so_line}")
  set(arrow_library ${ARROW_OF_PYTHON_DIR}/libarrow.so.${arrow_so_version})
  set(parquet_library ${ARROW_OF_PYTHON_DIR}/libparquet.so.${arrow_so_version})
  if(ArrowOfPython_VERSION VERSION_EQUAL ARROW_OF_PYTHON_VERSION AND EXISTS ${arrow_library}
     AND EXISTS ${parquet_library})
    set(ARROW_OF_PYTHON_LIBRARIES ${arrow_library} ${parquet_library})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowOfPython
  REQUIRED_VARS ARROW_OF_PYTHON_LIBRARIES
  REASON_FAILURE_MESSAGE "install pyarrow==${ARROW_OF_PYTHON_VERSION} for ${Python_EXECUTABLE} (found: \
\"${ArrowOfPython_VERSION}\"), or build without it: -DMILLRACE_ARROW=OFF")

if(ArrowOfPython_FOUND AND NOT TARGET millrace_arrow_of_python)
  add_library(millrace_arrow_of_python INTERFACE IMPORTED)
  target_include_directories(millrace_arrow_of_python SYSTEM INTERFACE ${ARROW_OF_PYTHON_DIR}/include)
  target_link_libraries(millrace_arrow_of_python INTERFACE ${ARROW_OF_PYTHON_LIBRARIES})
  # They name libraries that lie beside them, which they find at run time by themselves.
  target_link_options(millrace_arrow_of_python INTERFACE -Wl,--allow-shlib-undefined)
endif()
