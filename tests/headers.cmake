# Every header compiles on its own, and twice in one file.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/kernels/*.h ${CMAKE_SOURCE_DIR}/models/*.h ${CMAKE_SOURCE_DIR}/engine/*.h
     ${CMAKE_SOURCE_DIR}/tuner/*.h ${CMAKE_SOURCE_DIR}/app/*.h ${CMAKE_SOURCE_DIR}/tests/support/*.h)
foreach(header ${headers})
  add_test(NAME header_alone.${header}
           COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 ${caviar_cxx_options} -fsyntax-only -I${CMAKE_SOURCE_DIR}
                   -include ${header} -include ${header} -x c++ /dev/null
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(header_alone.${header} PROPERTIES LABELS house)
endforeach()
