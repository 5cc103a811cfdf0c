# Finds Arrow C++ inside a Python interpreter's pyarrow package, which has its headers and libraries,
# and defines millrace_arrow_of_python, which links libarrow and libparquet.
#
# The interpreter is found as in FindLibTorchCpu.cmake. ARROW_OF_PYTHON_VERSION is the one version that
# is taken: Arrow's libraries change their names, and their ABI, with every major one.

if(NOT Python_EXECUTABLE)
  if(EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
    set(Python_EXECUTABLE ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  elseif(Python3_EXECUTABLE)
    set(Python_EXECUTABLE ${Python3_EXECUTABLE})
  else()
    find_program(Python_EXECUTABLE NAMES python3 python)
  endif()
endif()

if(NOT ARROW_OF_PYTHON_DIR)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=PYTHONPATH ${Python_EXECUTABLE} -c
            "import importlib.util as u; print(u.find_spec('pyarrow').submodule_search_locations[0])"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(ARROW_OF_PYTHON_DIR ${found} CACHE PATH "Folder of Python's pyarrow package")
  endif()
endif()

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
