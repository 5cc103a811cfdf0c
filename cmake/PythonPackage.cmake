# Where a Python interpreter has its packages, for those that bring C++ libraries along.
#
# The interpreter is Python_EXECUTABLE, or the one of .venv in the checkout, or Python3_EXECUTABLE, or
# python3 on the path.

if(NOT Python_EXECUTABLE)
  if(EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
    set(Python_EXECUTABLE ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  elseif(Python3_EXECUTABLE)
    set(Python_EXECUTABLE ${Python3_EXECUTABLE})
  else()
    find_program(Python_EXECUTABLE NAMES python3 python)
  endif()
endif()

# find_python_package(VARIABLE PACKAGE DESCRIPTION): sets the cache variable, unless it is set, to the
# folder of the interpreter's package, if it has it. PYTHONPATH is unset when asking, because pip's
# build isolation hides installed packages behind that variable.
function(find_python_package variable package description)
  if(${variable})
    return()
  endif()
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=PYTHONPATH ${Python_EXECUTABLE} -c
            "import importlib.util as u; print(u.find_spec('${package}').submodule_search_locations[0])"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(${variable} ${found} CACHE PATH "${description}")
  endif()
endfunction()
