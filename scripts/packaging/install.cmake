# What `cmake --install` puts where. Three components, each a package: programs, runtime (the shared library) and development.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Before 1.0 a minor version may change the headers, and what lies in their structures: then it is another library.
set(soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION VERSION_LESS 1)
  string(APPEND soversion .${PROJECT_VERSION_MINOR})
endif()
set(map ${CMAKE_CURRENT_BINARY_DIR}/lockstep.map)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lockstep.map.in ${map} @ONLY)

# yaml-cpp and libcap are its own affair. Where the archive of one is position-independent it is linked in, and a program's copy of
# another version is never called in its place: so is Debian's of libcap, and that of yaml-cpp is not.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/inside.cc "")
function(lockstep_inside name archive otherwise)
  if(archive AND NOT "${LOCKSTEP_${name}_TRIED}" STREQUAL "${archive}")
    try_compile(fits ${CMAKE_CURRENT_BINARY_DIR}/inside SOURCES ${CMAKE_CURRENT_BINARY_DIR}/inside.cc LINK_OPTIONS -shared -Wl,-z,text
                LINK_LIBRARIES -Wl,--whole-archive ${archive} -Wl,--no-whole-archive)
    set(LOCKSTEP_${name}_INSIDE ${fits} CACHE INTERNAL "")
    set(LOCKSTEP_${name}_TRIED ${archive} CACHE INTERNAL "")
    unset(fits CACHE)
  endif()
  if(archive AND LOCKSTEP_${name}_INSIDE)
    set(otherwise ${archive})
  endif()
  message(STATUS "liblockstep.so takes ${otherwise}")
  target_link_libraries(lockstep_shared PRIVATE ${otherwise})
endfunction()
add_library(lockstep_shared SHARED $<TARGET_OBJECTS:lockstep_objects>)
set_target_properties(lockstep_shared PROPERTIES OUTPUT_NAME lockstep EXPORT_NAME lockstep LINK_DEPENDS ${map}
                                                 VERSION ${PROJECT_VERSION} SOVERSION ${soversion})
target_compile_features(lockstep_shared INTERFACE cxx_std_20)
lockstep_inside(YAML "${LOCKSTEP_YAML_ARCHIVE}" yaml-cpp::yaml-cpp)
lockstep_inside(CAP "${LOCKSTEP_CAP_ARCHIVE}" ${LOCKSTEP_LIBCAP})
target_link_libraries(lockstep_shared PRIVATE lockstep_sanitize)
# What is public too is called as it is here, and not as a program has it by the same name.
target_link_options(lockstep_shared PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic-functions -Wl,--exclude-libs,ALL)
set_target_properties(liblockstep PROPERTIES EXPORT_NAME lockstep_static)
target_link_libraries(liblockstep PRIVATE $<INSTALL_INTERFACE:yaml-cpp::yaml-cpp> $<INSTALL_INTERFACE:cap>)

install(TARGETS lockstep_shared EXPORT lockstepTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS liblockstep EXPORT lockstepStaticTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/lockstep DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)
foreach(targets lockstepTargets lockstepStaticTargets)
  install(EXPORT ${targets} NAMESPACE lockstep:: DESTINATION ${package_folder} COMPONENT development)
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lockstepConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/lockstepConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may take something away.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/lockstepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# For a C compiler that links the archive: the runtime that this compiler adds by itself.
set(cxx_runtime -lstdc++)
if("c++" IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
  set(cxx_runtime -lc++)
endif()
# Relative to itself, so that the installed tree may be moved.
file(RELATIVE_PATH prefix_from_here /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/lockstep.pc.in ${CMAKE_CURRENT_BINARY_DIR}/lockstep.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lockstepConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/lockstepConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lockstep.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(LOCKSTEP_CONFORMANCE)
  install(TARGETS lockstep lockstep-exec lockstep-conformance lockstep-doctor lockstep-fuzz lockstep-cuda-trace
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
  # Not for people: what those start (base/installation.h).
  install(TARGETS lockstep-verify lockstep-probe-helper lockstep-cuda-helper
          RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/lockstep COMPONENT programs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/fixtures DESTINATION ${CMAKE_INSTALL_DATADIR}/lockstep COMPONENT programs)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/lockstep.bash RENAME lockstep
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT programs)
endif()
if(LOCKSTEP_PACKAGES)
  include(${CMAKE_CURRENT_LIST_DIR}/cpack.cmake)
endif()
