#include "app/output_aside.h"

#include <unistd.h>

#include <cstdio>

#include "kernels/base/error.h"

namespace caviar {

OutputAside::OutputAside(bool on) {
  if (!on) return;
  std::fflush(stdout);
  output_ = ::dup(STDOUT_FILENO);
  if (output_ < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
    fail("standard output cannot be put aside for --json; close some of the files this process was given");
}

OutputAside::~OutputAside() {
  if (output_ < 0) return;
  std::fflush(stdout);
  ::dup2(output_, STDOUT_FILENO);
  ::close(output_);
}

}  // namespace caviar
