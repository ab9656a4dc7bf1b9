// Checks the invariants of a study's directory (tests/support/study_verify.h). Says what it found; exit code 1 when one
// is violated.
//
//   verify_study STUDY [--reference STUDY] [--unfinished]
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "tests/support/study_verify.h"

int main(int argc, char** argv) {
  using namespace caviar;
  std::string study, reference;
  VerifyOptions options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--unfinished") == 0) {
      options.finished = false;
    } else if (std::strcmp(argv[i], "--reference") == 0 && i + 1 < argc) {
      reference = argv[++i];
    } else if (study.empty() && argv[i][0] != '-') {
      study = argv[i];
    } else {
      study.clear();
      break;
    }
  }
  if (study.empty()) {
    fmt::print(stderr, "usage: verify_study STUDY [--reference STUDY] [--unfinished]\n");
    return 2;
  }
  try {
    if (!reference.empty()) {
      Storage storage = Storage::open_to_read(StudyDirectory::database_in(reference));
      options.reference = study_content(storage);
    }
    const std::vector<std::string> violations = verify_study(study, options);
    for (const std::string& violation : violations) fmt::print("{}\n", violation);
    if (violations.empty()) fmt::print("{}: all invariants hold\n", study);
    return violations.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "verify_study: {}\n", error.what());
    return 1;
  }
}
