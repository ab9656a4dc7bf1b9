#include "tuner/storage/weight_keeper.h"

#include <cmath>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/metric.h"
#include "tuner/storage/directory.h"

namespace caviar {
namespace {

constexpr const char* kWords[] = {"none", "best", "all"};
constexpr const char* kEvent = "weights";
constexpr const char* kExtension = ".weights";

std::filesystem::path file_in(const std::filesystem::path& directory, std::int64_t run) {
  return directory / (std::to_string(run) + kExtension);
}

}  // namespace

const char* to_string(SaveWeights which) { return kWords[static_cast<int>(which)]; }

SaveWeights save_weights_of(const std::string& word) {
  for (int i = 0; i < 3; ++i)
    if (word == kWords[i]) return static_cast<SaveWeights>(i);
  fail("weights can be saved of none, best or all runs, not of '", word, "'");
}

std::filesystem::path WeightKeeper::file(std::int64_t run) const { return file_in(directory_, run); }

void WeightKeeper::open(Storage& storage) {
  if (directory_.empty()) return;
  std::optional<SaveWeights> before;
  for (const Event& event : storage.events(kEvent)) {
    before = save_weights_of(event.detail);
    removes_ = removes_ && *before != SaveWeights::kAll;
  }
  if (!which_) which_ = before.value_or(SaveWeights::kBest);
  if (which_ != before) storage.add_event(kEvent, to_string(*which_));
  if (which_ == SaveWeights::kBest) {
    storage.for_each_repeat([&](const RepeatRecord& repeat) {
      if (repeat.state != RunState::kComplete || !repeat.last) return;
      Report last = *repeat.last;
      last.run = repeat.run;
      if (!is_better(last)) return;
      best_ = loss_of(last);
      best_run_ = last.run;
    });
  }
  std::error_code ignored;  // a directory that is not there holds nothing to remove
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    const bool half_written = entry.path().extension() == ".tmp";
    const bool replaced = which_ == SaveWeights::kBest && removes_ && entry.path() != file(best_run_);
    if (half_written || replaced) std::filesystem::remove(entry.path(), ignored);
  }
}

double WeightKeeper::loss_of(const Report& last) const { return metric_value(last, metric_) * (maximize_ ? -1 : 1); }

bool WeightKeeper::is_better(const Report& last) const {
  const double loss = loss_of(last);
  if (std::isnan(loss)) return false;
  return std::isnan(best_) || loss < best_ || (loss == best_ && last.run < best_run_);
}

void WeightKeeper::run_complete(const Report& last, const SavedRun& state) {
  if (directory_.empty() || which_ == SaveWeights::kNone) return;
  if (which_ == SaveWeights::kBest && !is_better(last)) return;
  std::error_code error;
  if (std::filesystem::create_directory(directory_, error)) sync_directory(directory_.parent_path());
  write_checkpoint(file(last.run), {state});
  if (which_ != SaveWeights::kBest) return;
  best_ = loss_of(last);
  if (best_run_ >= 0 && removes_) replaced_.push_back(best_run_);
  best_run_ = last.run;
}

void WeightKeeper::committed() {
  std::error_code ignored;
  for (const std::int64_t run : replaced_) std::filesystem::remove(file(run), ignored);
  replaced_.clear();
}

std::optional<Weights> kept_weights(const std::filesystem::path& study, const RunRecord& run) {
  const std::filesystem::path file = file_in(StudyDirectory::weights_in(study), run.id);
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const std::vector<SavedRun> saved = read_checkpoint(file);
    if (saved.size() != 1 || saved.front().identity != run.identity)
      fail(file.string(), ": these are not the weights of run ", run.id);
    if (const Digest digest = digest_of(saved.front().state); to_string(digest) != run.digest)
      fail(file.string(), ": these weights have the digest ", to_string(digest), ", run ", run.id, " ended with ",
           run.digest);
    return weights_of(saved.front().state);
  } catch (const Error& error) {
    fail(error.what(), "; remove the file: the run can be trained again to the weights it had");
  }
}

}  // namespace caviar
