// The digests that runs have had since they were committed: tests/golden/digests.txt.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include "tests/support/small_runs.h"

namespace caviar {

// The runs in the file. Numbers are never used again for another run.
inline std::vector<RunOrder> committed_orders() {
  std::vector<RunOrder> orders = mixed_orders(20);
  for (RunOrder& o : hypergradient_orders(100)) orders.push_back(std::move(o));
  return orders;
}

// By run, from that file. Its first line is a title.
inline std::map<std::int64_t, std::string> committed_digests(const std::string& path) {
  std::ifstream in(path);
  std::string title, digest;
  std::getline(in, title);
  std::map<std::int64_t, std::string> digests;
  for (std::int64_t run = 0; in >> run >> digest;) digests[run] = digest;
  return digests;
}

}  // namespace caviar
