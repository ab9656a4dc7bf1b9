// Standard output put aside while a command must keep it for what it prints at its end, as with --json.
#pragma once

namespace caviar {

// From construction to destruction what is written to standard output goes to standard error. `on` false: nothing.
class OutputAside {
 public:
  explicit OutputAside(bool on);
  ~OutputAside();
  OutputAside(const OutputAside&) = delete;
  OutputAside& operator=(const OutputAside&) = delete;

 private:
  int output_ = -1;  // a copy of standard output; -1: it was left alone
};

}  // namespace caviar
