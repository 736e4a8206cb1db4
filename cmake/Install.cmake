# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake --install BUILD --prefix DIR: the compiler, the runtime with its headers, and what finds them: a CMake package
# and a pkg-config file. All of it may be moved to another folder afterwards. attn-opt is for our tests and stays behind.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attnc)

# libMLIR and libLLVM lie in LLVM's own folder.
set_target_properties(attnc attnc_compiler_shared PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
set_target_properties(attnc_runtime PROPERTIES EXPORT_NAME runtime)
install(TARGETS attnc attnc_runtime attnc_compiler_shared EXPORT attnc INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES runtime/attnc.h runtime/attnc.hpp runtime/attnc_abi.h runtime/attnc_dlpack.h compiler/capi/attnc_compiler.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attnc)

# Before 1.0 each minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/attncConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_package_config_file(cmake/attncConfig.cmake.in ${CMAKE_BINARY_DIR}/attncConfig.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
install(FILES ${CMAKE_BINARY_DIR}/attncConfig.cmake ${CMAKE_BINARY_DIR}/attncConfigVersion.cmake
        DESTINATION ${package_dir})
install(EXPORT attnc NAMESPACE attnc:: FILE attncTargets.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH attnc_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" attnc_prefix_from_pc ${attnc_prefix_from_pc})
get_target_property(attnc_link_options attnc_runtime INTERFACE_LINK_OPTIONS)
string(REPLACE ";" " " attnc_link_options "${attnc_link_options}")
if(NOT attnc_link_options)
  set(attnc_link_options "")
endif()
configure_file(cmake/attnc.pc.in ${CMAKE_BINARY_DIR}/attnc.pc @ONLY)
configure_file(cmake/attnc-compiler.pc.in ${CMAKE_BINARY_DIR}/attnc-compiler.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/attnc.pc ${CMAKE_BINARY_DIR}/attnc-compiler.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES tools/attnc/attnc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES tools/attnc/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME attnc)
install(FILES tools/attnc/completion.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _attnc)
