// The one exception type of caviar. A message is a sentence that names the value, the rule it breaks and the
// remedy; errors in files begin with "file:line: ". A diverged run is not an error: it is data.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace caviar {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Joins anything that can be streamed into one string.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws Error with the joined parts as its message.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(cat(parts...));
}

}  // namespace caviar
