// The named tensors of a network and where they lie in its one array of parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace caviar {

// One tensor, PyTorch's name, order and row-major layout. A bias has one column.
struct ParamTensor {
  std::string name;
  std::int64_t rows = 0, cols = 0;
  float bound = 0;  // initial values are uniform in [-bound, bound)
  std::int64_t offset = 0;
  std::int64_t size() const { return rows * cols; }
};

class Params {
 public:
  // Appends a tensor and returns its index.
  int add(std::string name, std::int64_t rows, std::int64_t cols, float bound) {
    tensors_.push_back({std::move(name), rows, cols, bound, size_});
    size_ += rows * cols;
    return static_cast<int>(tensors_.size()) - 1;
  }
  const std::vector<ParamTensor>& tensors() const { return tensors_; }
  const ParamTensor& operator[](int i) const { return tensors_[static_cast<std::size_t>(i)]; }
  std::int64_t size() const { return size_; }

 private:
  std::vector<ParamTensor> tensors_;
  std::int64_t size_ = 0;
};

}  // namespace caviar
