// The name of a function from its address, for messages.
#pragma once

#include <string>

namespace cuda_on_cpu {

// As written in the source, with template arguments but without parameters and unnamed namespaces:
// "caviar::update_kernel<4>"; "at 0x5581..." where the program holds no symbols.
std::string function_name(const void* function);

}  // namespace cuda_on_cpu
