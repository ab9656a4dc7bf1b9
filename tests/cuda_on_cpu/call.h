// A launch as it waits in a stream: the kernel and its arguments by value.
#pragma once

#include <cstddef>
#include <tuple>

namespace cuda_on_cpu {

// A kernel with its arguments.
class Call {
 public:
  explicit Call(const void* function) : function_(function) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  virtual void run_thread() const = 0;
  // The arguments as bytes, for checks of the pointers among them.
  virtual void for_each_argument(void (*visit)(void* context, const void* bytes, std::size_t size),
                                 void* context) const = 0;
  const void* function() const { return function_; }

 private:
  const void* function_;
};

template <class... Parameters>
class PackedCall final : public Call {
 public:
  PackedCall(void (*kernel)(Parameters...), Parameters... arguments)
      : Call(reinterpret_cast<const void*>(kernel)), kernel_(kernel), arguments_(arguments...) {}
  void run_thread() const override { std::apply(kernel_, arguments_); }
  void for_each_argument(void (*visit)(void*, const void*, std::size_t), void* context) const override {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): the size of a pointer is what is meant
    std::apply([&](const auto&... argument) { (visit(context, &argument, sizeof argument), ...); }, arguments_);
  }

 private:
  void (*kernel_)(Parameters...);
  std::tuple<Parameters...> arguments_;
};

}  // namespace cuda_on_cpu
