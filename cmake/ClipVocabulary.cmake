# Puts CLIP's vocabulary inside a library: finds the file when configuring (see
# fetch_clip_vocabulary.py) and gives its path to the source that embeds it.

set(MILLRACE_CLIP_VOCABULARY "" CACHE FILEPATH
    "open_clip's bpe_simple_vocab_16e6.txt.gz; empty: from an installed open_clip or its wheel")

# millrace_embed_clip_vocabulary(TARGET SOURCE)
function(millrace_embed_clip_vocabulary target source)
  set(python ${Python_EXECUTABLE})
  if(NOT python)
    find_program(MILLRACE_SCRIPT_PYTHON NAMES python3 python REQUIRED)
    set(python ${MILLRACE_SCRIPT_PYTHON})
  endif()
  set(script ${PROJECT_SOURCE_DIR}/cmake/fetch_clip_vocabulary.py)
  set(named)
  if(MILLRACE_CLIP_VOCABULARY)
    set(named --file ${MILLRACE_CLIP_VOCABULARY})
  endif()
  # Without PYTHONPATH: pip's build isolation hides the installed packages behind it.
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=PYTHONPATH ${python} ${script}
            --cache ${PROJECT_SOURCE_DIR}/.cache ${named}
    OUTPUT_VARIABLE file OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_VARIABLE problem ERROR_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "CLIP's vocabulary is missing: ${problem}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
  # The hash in the command line makes a compiler cache see a change of the file.
  file(SHA256 ${file} hash)
  set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES
    OBJECT_DEPENDS ${file}
    COMPILE_DEFINITIONS
    "MILLRACE_CLIP_VOCABULARY_FILE=\"${file}\";MILLRACE_CLIP_VOCABULARY_SHA256=\"${hash}\"")
endfunction()
