#include "tuner/storage/lineage.h"

#include <charconv>
#include <limits>
#include <string>

#include "kernels/base/error.h"

namespace caviar {

std::filesystem::path Lineage::file(std::int64_t trial, std::int64_t repeat) const {
  return directory_ / cat(trial, "-", repeat, ".weights");
}

void Lineage::keep(std::int64_t trial, std::int64_t repeat, const SavedRun& state) {
  if (directory_.empty()) {
    in_memory_[{trial, repeat}] = state;
  } else {
    write_checkpoint(file(trial, repeat), {state});
  }
}

std::optional<SavedRun> Lineage::find(std::int64_t trial, std::int64_t repeat) const {
  if (directory_.empty()) {
    const auto found = in_memory_.find({trial, repeat});
    return found == in_memory_.end() ? std::nullopt : std::optional(found->second);
  }
  if (!std::filesystem::exists(file(trial, repeat))) return std::nullopt;
  std::vector<SavedRun> runs = read_checkpoint(file(trial, repeat));
  if (runs.size() != 1) fail(file(trial, repeat).string(), ": it holds ", runs.size(), " states instead of one");
  return std::move(runs.front());
}

void Lineage::forget_before(std::int64_t trial) {
  in_memory_.erase(in_memory_.begin(), in_memory_.lower_bound({trial, 0}));
  if (directory_.empty()) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    if (entry.path().extension() != ".weights") continue;
    const std::string name = entry.path().stem().string();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && *end == '-' && number < trial) std::filesystem::remove(entry.path(), ignored);
  }
}

void Lineage::clear() { forget_before(std::numeric_limits<std::int64_t>::max()); }

}  // namespace caviar
