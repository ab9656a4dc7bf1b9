// The calls of AddressSanitizer and ThreadSanitizer that the emulated device makes; nothing without them.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define CAVIAR_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAVIAR_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define CAVIAR_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAVIAR_THREAD_SANITIZER 1
#endif
#endif

#if defined(CAVIAR_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
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

// ThreadSanitizer takes each fibre for a thread of its own; a switch orders what was before it and what comes after.
#if defined(CAVIAR_THREAD_SANITIZER)
inline void* current_fibre_for_tsan() { return __tsan_get_current_fiber(); }
inline void* new_fibre_for_tsan() { return __tsan_create_fiber(0); }
inline void delete_fibre_for_tsan(void* fibre) { __tsan_destroy_fiber(fibre); }
inline void switch_for_tsan(void* fibre) { __tsan_switch_to_fiber(fibre, 0); }
#else
inline void* current_fibre_for_tsan() { return nullptr; }
inline void* new_fibre_for_tsan() { return nullptr; }
inline void delete_fibre_for_tsan(void*) {}
inline void switch_for_tsan(void*) {}
#endif

}  // namespace cuda_on_cpu
