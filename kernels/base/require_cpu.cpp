// Ends the program with one sentence on a processor it is not compiled for, before main and before any other
// initialiser. The whole program is compiled for x86-64-v3 (the bits of a run are the same on every such processor);
// this file alone is compiled for plain x86-64 and includes nothing whose code another file could share.
#include <unistd.h>

namespace {

// 101 is the first priority open to programs: it runs before the initialisers of every other file.
[[gnu::constructor(101)]] void require_cpu() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return;
  constexpr char kSentence[] =
      "caviar needs a processor with AVX2, FMA and BMI2 (x86-64-v3: Intel since Haswell, 2013, AMD since Excavator, "
      "2015); this one lacks them.\n";
  if (write(STDERR_FILENO, kSentence, sizeof kSentence - 1) < 0) _exit(2);
  _exit(1);
}

}  // namespace
