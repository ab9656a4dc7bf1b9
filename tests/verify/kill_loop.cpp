// The long form of the kill loop (tests/support/study_kill_loop.h): small studies killed at random, resumed and
// verified, for as many rounds as asked. Every round prints nothing, or its seed and what was violated.
//
//   kill_loop [ROUNDS [FIRST_SEED]]      10,000 rounds from seed 1 by default; exit code 1 when an invariant was
//   violated
#include <cstdlib>

#include <fmt/format.h>

#include "tests/support/study_kill_loop.h"

int main(int argc, char** argv) {
  using namespace caviar;
  const std::uint64_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  try {
    KillLoop loop;
    const int duration = loop.undisturbed_microseconds();
    std::uint64_t violated = 0;
    for (std::uint64_t seed = first; seed < first + rounds; ++seed) {
      const std::vector<std::string> violations = loop.kill_and_resume(random_victims(seed, duration));
      for (const std::string& violation : violations) fmt::print("seed {}: {}\n", seed, violation);
      violated += !violations.empty();
    }
    fmt::print("{} rounds, {} with violations; an undisturbed study takes {} us\n", rounds, violated, duration);
    return violated ? 1 : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "kill_loop: {}\n", error.what());
    return 1;
  }
}
