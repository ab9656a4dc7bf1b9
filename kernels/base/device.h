// Device tags. An op is an overload set on a tag: `loss(const Cpu&, args)`; a CUDA build adds
// `loss(const Cuda&, args)` beside it with the same argument struct.
#pragma once

namespace caviar {

// One CPU thread. It always works on one slot and one block of batch rows at a time.
struct Cpu {
  static constexpr const char* kName = "cpu";
};

}  // namespace caviar
