#include "engine/digest.h"
#include "tuner/bind.h"

namespace caviar {

std::string run_identity(const std::string& canonical) {
  return to_string(hash128(canonical.data(), canonical.size(), 0));
}

}  // namespace caviar
