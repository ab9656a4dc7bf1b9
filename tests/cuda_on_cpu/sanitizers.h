// The calls of AddressSanitizer that the emulated device makes; nothing without it.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define CAVIAR_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAVIAR_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(CAVIAR_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_on_cpu {

#if defined(CAVIAR_ADDRESS_SANITIZER)
inline constexpr bool kAddressSanitizer = true;
inline void forbid(const void* begin, std::size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void allow(const void* begin, std::size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
inline void before_switch(void** fake_stack, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
inline void after_switch(void* fake_stack, const void** left_bottom, std::size_t* left_size) {
  __sanitizer_finish_switch_fiber(fake_stack, left_bottom, left_size);
}
#else
inline constexpr bool kAddressSanitizer = false;
inline void forbid(const void*, std::size_t) {}
inline void allow(const void*, std::size_t) {}
inline void before_switch(void**, const void*, std::size_t) {}
inline void after_switch(void*, const void**, std::size_t*) {}
#endif

}  // namespace cuda_on_cpu
