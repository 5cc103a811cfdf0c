# `cmake --install`: libraries and program (component runtime), headers and a CMake package for
# find_package(millrace) (component development). A Python wheel takes the runtime component alone,
# under millrace/ beside the package's modules.

include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY MILLRACE_LIBRARIES)
set(torch_libraries ${libraries})
list(FILTER libraries EXCLUDE REGEX "torch")
list(FILTER torch_libraries INCLUDE REGEX "torch")

if(DEFINED SKBUILD)
  # A wheel has no symbolic links, so a library there has one name, the one that is looked for.
  foreach(library ${libraries} ${torch_libraries})
    set_property(TARGET ${library} PROPERTY SOVERSION)
  endforeach()
elseif(torch_libraries)
  # torch is found at run time where it was found when building; with a wheel Python has loaded it.
  set_property(TARGET ${torch_libraries} APPEND PROPERTY INSTALL_RPATH ${LIBTORCH_DIR}/lib)
endif()

set(destinations
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/millrace)

install(TARGETS ${libraries} EXPORT millrace ${destinations})
install(EXPORT millrace NAMESPACE millrace:: FILE millraceTargets.cmake
        DESTINATION ${package_folder} COMPONENT development)
if(torch_libraries)
  # An export set of its own, so that what needs no torch can be used where there is none.
  install(TARGETS ${torch_libraries} EXPORT millrace_torch ${destinations})
  install(EXPORT millrace_torch NAMESPACE millrace:: FILE millraceTorchTargets.cmake
          DESTINATION ${package_folder} COMPONENT development)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindLibTorchCpu.cmake ${PROJECT_SOURCE_DIR}/cmake/PythonPackage.cmake
          DESTINATION ${package_folder} COMPONENT development)
endif()

if(TARGET millrace_arrow_ext)
  # Where Arrow was found when building; of a wheel first what is installed beside it.
  if(DEFINED SKBUILD)
    set_property(TARGET millrace_arrow_ext APPEND PROPERTY INSTALL_RPATH $ORIGIN/../../pyarrow)
  endif()
  set_property(TARGET millrace_arrow_ext APPEND PROPERTY INSTALL_RPATH ${ARROW_OF_PYTHON_DIR})
  install(TARGETS millrace_arrow_ext LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/millraceConfig.cmake.in ${PROJECT_BINARY_DIR}/millraceConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/millraceConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/millraceConfig.cmake
              ${PROJECT_BINARY_DIR}/millraceConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)
