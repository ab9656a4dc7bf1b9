// A model on a CPU thread with memory of its own, for one slot.
#pragma once

#include "kernels/base/buffer.h"
#include "models/model.h"

namespace caviar::test {

template <Model M>
class CpuModel {
 public:
  CpuModel(const typename M::Shape& shape, int batch)
      : memory_(bytes_needed(shape, batch)), arena_(memory_.data()), model_(shape, 1, batch, arena_) {}
  M* operator->() { return &model_; }

 private:
  static std::size_t bytes_needed(const typename M::Shape& shape, int batch) {
    Arena counting;
    const M model(shape, 1, batch, counting);
    return counting.used();
  }
  Buffer<std::byte> memory_;
  Arena arena_;
  M model_;
};

}  // namespace caviar::test
