# Every header compiles on its own, and twice in one file. Those that include CUDA do so with the emulated device, so that
# no toolkit is needed.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/kernels/*.h ${CMAKE_SOURCE_DIR}/models/*.h ${CMAKE_SOURCE_DIR}/engine/*.h
     ${CMAKE_SOURCE_DIR}/tuner/*.h ${CMAKE_SOURCE_DIR}/app/*.h ${CMAKE_SOURCE_DIR}/tests/support/*.h
     ${CMAKE_SOURCE_DIR}/tests/cuda_on_cpu/*.h ${CMAKE_SOURCE_DIR}/tests/cuda_kernels/*.h)
foreach(header ${headers})
  add_test(NAME header_alone.${header}
           COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 ${caviar_cxx_options} -fsyntax-only -I${CMAKE_SOURCE_DIR}
                   -DCAVIAR_CUDA_ON_CPU
                   -include ${header} -include ${header} -x c++ /dev/null
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(header_alone.${header} PROPERTIES LABELS house)
endforeach()
