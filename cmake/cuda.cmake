# The CUDA part: found, not required. Sets CAVIAR_HAS_CUDA; where it is true,
#   caviar_cuda         a library of kernels/**/*.cu, compiled by nvcc
#   caviar_engine_cuda  objects of engine/cuda/*.cpp, host code, compiled as the rest of the program is
#   cuda                all of this, as a target; it exists, and does nothing, without a toolkit too
# A library is missing while there are no such files. Nothing outside the CUDA part is compiled otherwise than without it.
set(CAVIAR_CUDA "AUTO" CACHE STRING "The CUDA part: ON, OFF, or AUTO (where nvcc is found and nothing is sanitized)")
set_property(CACHE CAVIAR_CUDA PROPERTY STRINGS AUTO ON OFF)
set(CAVIAR_HAS_CUDA FALSE)
add_custom_target(cuda)

# Ends the search: without an nvcc, AUTO says why there is no CUDA part and ON ends the configuration.
macro(no_cuda reason)
  if(CAVIAR_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA: not built, ${reason}")
    return()
  endif()
  message(FATAL_ERROR "CAVIAR_CUDA=ON, but ${reason}")
endmacro()

if(NOT CAVIAR_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "CAVIAR_CUDA is '${CAVIAR_CUDA}'; it is AUTO, ON or OFF")
elseif(CAVIAR_CUDA STREQUAL "OFF")
  message(STATUS "CUDA: not built, CAVIAR_CUDA is OFF")
  return()
elseif(CAVIAR_SANITIZE OR CAVIAR_FUZZ)
  no_cuda("a sanitizer sees nothing of what runs on a GPU; the emulated device is what it checks")
endif()

# The toolkit's installer leaves nvcc off the PATH. One that is found but does not work is as good as none.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(CAVIAR_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin PATHS /usr/local/cuda/bin)
  mark_as_advanced(CAVIAR_NVCC)
  if(CAVIAR_NVCC)
    set(ENV{CUDACXX} ${CAVIAR_NVCC})
  endif()
endif()
# One GPU of each generation the kernels are written for, and PTX for those to come.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual)
endif()
if(NOT CMAKE_CUDA_HOST_COMPILER)
  set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
endif()
set(ENV{CUDAHOSTCXX} ${CMAKE_CUDA_HOST_COMPILER})
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  unset(CMAKE_CUDA_COMPILER CACHE)  # to look again when it is configured again
  no_cuda("no nvcc that works on the PATH, in CUDA_HOME or in /usr/local/cuda")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
  no_cuda("nvcc ${CMAKE_CUDA_COMPILER_VERSION} does not know C++20; it takes CUDA 12")
endif()
find_package(CUDAToolkit REQUIRED)

set(CAVIAR_HAS_CUDA TRUE)
list(JOIN CMAKE_CUDA_ARCHITECTURES ", " architectures)
message(STATUS "CUDA: built by nvcc ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER}) for ${architectures}")

set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)  # CMake 3.25 does not know that nvcc 12 has it
endif()
set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
set(CMAKE_CUDA_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CUDA_FLAGS_DEBUG "-Og -g")
# The runtime of CUDA is linked in, and looks for the driver when it is first called: the program starts without one.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)

# What is compiled for the host out of a .cu file follows the same rules as the rest of the program, less -Wpedantic:
# nvcc's own output breaks it in every line.
set(host_options ${caviar_cxx_options})
list(REMOVE_ITEM host_options -Wpedantic -Werror)
list(JOIN host_options "," host_options)
# -fmad=false: a multiply-add is fused where the source says fmaf, nowhere else; the bits of a run are part of its
# contract. -lineinfo: compute-sanitizer and the profilers name lines; the code is the same.
set(caviar_cuda_options -fmad=false -lineinfo -Xptxas=-v -Werror=all-warnings -Xcompiler=${host_options},-Werror)
add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:${caviar_cuda_options}>")
# Keeps what ptxas says of each kernel's registers and spills beside its object, for scripts/read_ptxas.
list(PREPEND CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/keep_ptxas)

file(GLOB_RECURSE cuda_kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.cu)
if(cuda_kernels)
  add_library(caviar_cuda STATIC ${cuda_kernels})
  target_link_libraries(caviar_cuda PUBLIC caviar_kernels CUDA::cudart_static)
  add_dependencies(cuda caviar_cuda)
endif()

file(GLOB cuda_host_code CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/engine/cuda/*.cpp)
if(cuda_host_code)
  add_library(caviar_engine_cuda OBJECT ${cuda_host_code})
  target_link_libraries(caviar_engine_cuda PUBLIC caviar_engine caviar_cuda CUDA::cudart_static ${CMAKE_DL_LIBS})
  # What `caviar devices` says this program has kernels for.
  set(gpu_code ${CMAKE_CUDA_ARCHITECTURES})
  list(TRANSFORM gpu_code REPLACE "^([0-9a-z]+)-virtual$" "PTX of sm_\\1")
  list(TRANSFORM gpu_code REPLACE "^([0-9a-z]+)(-real)?$" "sm_\\1")
  list(JOIN gpu_code ", " gpu_code)
  target_compile_definitions(caviar_engine_cuda PRIVATE CAVIAR_GPU_CODE="${gpu_code}")
  add_dependencies(cuda caviar_engine_cuda)
endif()
