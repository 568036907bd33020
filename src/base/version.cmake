# cmake -DSOURCE=DIR -DVERSION=X -DOUTPUT=FILE -P version.cmake, in every build; the file is written only where it changes.
set(ENV{GIT_OPTIONAL_LOCKS} 0)  # a look, beside whatever git does meanwhile
if(DEFINED ENV{LOCKSTEP_COMMIT})  # where the sources are no checkout
  set(COMMIT $ENV{LOCKSTEP_COMMIT})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/version.cc.in ${OUTPUT} @ONLY)
  return()
endif()
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(COMMIT unknown)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.cc.in ${OUTPUT} @ONLY)
