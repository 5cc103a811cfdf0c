# What every target of the project shares: language, warnings, sanitizers, include paths.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Programs and libraries find their siblings both in the build tree and installed.
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Headers are written #include "millrace/FOLDER/NAME.h" everywhere. In the build tree a folder of
# links makes that path; installed, it is real.
set(MILLRACE_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${MILLRACE_INCLUDE_DIR}/millrace)
foreach(folder result formats transforms loader torch_ext arrow_ext)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${MILLRACE_INCLUDE_DIR}/millrace/${folder} SYMBOLIC)
endforeach()

function(millrace_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                           -Woverloaded-virtual -fno-semantic-interposition)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # At -O3 GCC 12 warns about std::string's own operator+ (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC takes a source that another one includes for a header.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
  if(MILLRACE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(MILLRACE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${MILLRACE_SANITIZE}
                                             -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${MILLRACE_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # GCC's manual: with sanitizers some warnings have false positives, here about <regex> and
      # std::fill. Every other build keeps them as errors.
      target_compile_options(${target} PRIVATE -Wno-error)
    endif()
    if(MILLRACE_SANITIZE MATCHES thread)
      # ThreadSanitizer does not understand Asio's fences; its locks, which suffice, it does.
      target_compile_definitions(${target} PRIVATE BOOST_ASIO_DISABLE_FENCED_BLOCK)
    endif()
  endif()
  if(MILLRACE_FUZZ)
    # Coverage for every library; only fuzz targets link libFuzzer's main.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# millrace_library(FOLDER SOURCES ... PUBLIC ... PRIVATE ...): the library of one folder,
# millrace::FOLDER, and its headers for installation.
function(millrace_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target millrace_${folder})
  add_library(${target} ${ARG_SOURCES})
  add_library(millrace::${folder} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${folder} SOVERSION ${PROJECT_VERSION_MAJOR}
                                             LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
  millrace_compile_options(${target})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${MILLRACE_INCLUDE_DIR}>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY MILLRACE_LIBRARIES ${target})
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/millrace/${folder}
          COMPONENT development
          FILES_MATCHING PATTERN "*.h" PATTERN "*-inl.h" EXCLUDE)
endfunction()

# millrace_executable(NAME SOURCES ... LINK ...)
function(millrace_executable target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  millrace_compile_options(${target})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_link_libraries(${target} PRIVATE ${ARG_LINK})
endfunction()

# millrace_test(FOLDER SOURCES ... LINK ...): tests/FOLDER as one doctest executable. It runs with
# MILLRACE_TEST_DATA set to the reference data where that is present.
function(millrace_test folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  millrace_executable(test_${folder} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK} millrace_test_support)
  add_test(NAME ${folder} COMMAND test_${folder})
  set_tests_properties(${folder} PROPERTIES LABELS "unit" TIMEOUT 900)
endfunction()

# millrace_fuzz(NAME SOURCE LINK ...): tests/fuzz/NAME.cpp as a libFuzzer program; ctest reruns its
# corpus, tests/fuzz/corpus/NAME, and fuzzes for MILLRACE_FUZZ_SECONDS.
set(MILLRACE_FUZZ_SECONDS 20 CACHE STRING "How long ctest lets each fuzz target search")
function(millrace_fuzz name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  millrace_executable(fuzz_${name} SOURCES ${name}.cpp LINK ${ARG_LINK})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set(found ${PROJECT_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz_${name}
           COMMAND fuzz_${name} -max_total_time=${MILLRACE_FUZZ_SECONDS} -timeout=20 -rss_limit_mb=3000
                   -print_final_stats=1 ${found} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}
           WORKING_DIRECTORY ${found})
  set_tests_properties(fuzz_${name} PROPERTIES LABELS "fuzz")
endfunction()
