#include "engine/cuda/nccl.h"

#if CAVIAR_KNOWS_NCCL && !defined(CAVIAR_CUDA_ON_CPU)
#include <dlfcn.h>
#endif

namespace caviar {

#if defined(CAVIAR_CUDA_ON_CPU)

const Nccl* find_nccl() {
  static const Nccl nccl{ncclCommInitAll, ncclCommDestroy, ncclGroupStart,
                         ncclGroupEnd,    ncclBroadcast,   ncclGetErrorString};
  return &nccl;
}

#elif CAVIAR_KNOWS_NCCL

namespace {

template <class Function>
bool look_up(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

const Nccl* find_nccl() {
  static const Nccl* const found = []() -> const Nccl* {
    void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) return nullptr;
    static Nccl nccl;
    const bool complete =
        look_up(library, "ncclCommInitAll", nccl.init_all) && look_up(library, "ncclCommDestroy", nccl.destroy) &&
        look_up(library, "ncclGroupStart", nccl.group_start) && look_up(library, "ncclGroupEnd", nccl.group_end) &&
        look_up(library, "ncclBroadcast", nccl.broadcast) && look_up(library, "ncclGetErrorString", nccl.error_string);
    return complete ? &nccl : nullptr;
  }();
  return found;
}

#endif

}  // namespace caviar
