# cpack -G DEB in the build directory (scripts/packages): lockstep, liblockstep0.2 (as the soname) and liblockstep-dev, a component
# each. Apart from `cmake --install`, which must not want files that only lockstep-package-files makes.
find_program(HELP2MAN help2man REQUIRED)
find_program(GZIP gzip REQUIRED)

# Manuals are what --help says at the time, and the changes what CHANGELOG.md says: neither is kept a second time.
set(package_files ${CMAKE_CURRENT_BINARY_DIR}/packaging)
foreach(program lockstep lockstep-exec lockstep-conformance lockstep-doctor lockstep-fuzz lockstep-cuda-trace)
  set(page ${package_files}/${program}.1.gz)
  add_custom_command(OUTPUT ${page} DEPENDS ${program} ${CMAKE_CURRENT_LIST_DIR}/manual VERBATIM
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/manual $<TARGET_FILE:${program}> ${page})
  list(APPEND manuals ${page})
endforeach()
set(maintainer "Lockstep maintainers <maintainers@lockstep.example>" CACHE STRING "Of the packages")
set(changelogs ${package_files}/changelog.gz ${package_files}/changelog.Debian.gz)
add_custom_command(OUTPUT ${changelogs} DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${CMAKE_CURRENT_LIST_DIR}/changelogs VERBATIM
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/changelogs ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_VERSION}-1 ${maintainer} ${package_files})
add_custom_target(lockstep-package-files DEPENDS ${manuals} ${changelogs})
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lockstep)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL programs runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${maintainer})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(about "A sandbox policy says what a job on a GPU host may touch, a library turns
it into Landlock rules, and the kernel decides.")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME lockstep)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PROGRAMS_DESCRIPTION "conformance suite for Landlock sandboxes on GPU hosts
${about}
Holds policy, model and kernel against each other, and runs commands
under a policy.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME liblockstep${soversion})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/debian/triggers)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "Landlock sandboxes from a policy file - shared library
${about}
What programs that embed it need.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME liblockstep-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "liblockstep${soversion} (= ${PROJECT_VERSION}-1)")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "libyaml-cpp-dev, libcap-dev")  # for the archive
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Landlock sandboxes from a policy file - development files
${about}
Headers, both libraries, and what CMake and pkg-config ask for.")
foreach(each programs:lockstep runtime:liblockstep${soversion} development:liblockstep-dev)
  string(REPLACE : ";" each ${each})
  list(GET each 0 component)
  list(GET each 1 package)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/debian/${component}.lintian-overrides ${package_files}/${package} @ONLY)
  install(FILES ${package_files}/${package}
          DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides COMPONENT ${component})
  install(FILES ${changelogs} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endforeach()
include(CPack)
