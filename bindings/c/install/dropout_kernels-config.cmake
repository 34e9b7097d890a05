# find_package(dropout_kernels): the targets dropout_kernels::shared and dropout_kernels::static, wherever this was installed.
get_filename_component(_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET dropout_kernels::shared)
    add_library(dropout_kernels::shared SHARED IMPORTED)
    set_target_properties(dropout_kernels::shared PROPERTIES
        IMPORTED_LOCATION "${_prefix}/lib/libdropout_kernels_c.so"
        INTERFACE_INCLUDE_DIRECTORIES "${_prefix}/include")
    add_library(dropout_kernels::static STATIC IMPORTED)
    set_target_properties(dropout_kernels::static PROPERTIES
        IMPORTED_LOCATION "${_prefix}/lib/libdropout_kernels_c.a"
        INTERFACE_INCLUDE_DIRECTORIES "${_prefix}/include")
endif()
unset(_prefix)
