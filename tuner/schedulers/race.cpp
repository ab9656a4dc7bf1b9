#include "tuner/schedulers/race.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/base/error.h"
#include "tuner/analysis/paired_tests.h"
#include "tuner/analysis/sample.h"
#include "tuner/registry.h"
#include "tuner/schedulers/saw.h"

namespace caviar {
namespace {

constexpr std::int64_t kLeastBlock = 16;      // a window may be 1, and one trial is no race
constexpr std::int64_t kMostBlock = 1 << 30;  // what a block may be by default

}  // namespace

RaceScheduler::RaceScheduler(const Settings& settings, std::int64_t seeds)
    : settings_(settings), seeds_(seeds), looks_(1), count_(std::numeric_limits<std::int64_t>::max()) {
  for (std::int64_t stage = first_seeds(seeds); stage < seeds; stage = after(stage)) ++looks_;
}

std::unique_ptr<Scheduler> RaceScheduler::make(const OptionSet& options, const SearchScope& scope) {
  Settings settings;
  if (options.given("confidence")) settings.confidence = options.number("confidence");
  settings.block = options.given("block") ? options.whole("block")
                   : settings.confidence  ? kAllTrials
                                          : std::clamp(scope.window, kLeastBlock, kMostBlock);
  settings.first_seeds = options.whole("first_seeds");
  settings.add = options.whole("add");
  settings.grow = options.number("grow");
  if (options.given("alpha")) settings.alpha = options.number("alpha");
  if (options.given("alpha") && settings.confidence) {
    fail(options.where("confidence"),
         "scheduler race has both alpha, the risk of a stage, and confidence, that of the whole race; keep one");
  }
  return std::make_unique<RaceScheduler>(settings, scope.seeds);
}

std::int64_t RaceScheduler::first_seeds(std::int64_t seeds) const { return std::min(settings_.first_seeds, seeds); }

// The product is one IEEE multiplication, so the same on every host.
std::int64_t RaceScheduler::after(std::int64_t stage) const {
  const auto grown = static_cast<std::int64_t>(std::min(static_cast<double>(stage) * settings_.grow, 1e9));
  return std::min(std::max(stage + settings_.add, grown), seeds_);
}

double RaceScheduler::threshold(const Block& block, std::int64_t racing) const {
  if (!settings_.confidence) return settings_.alpha / static_cast<double>(std::max<std::int64_t>(racing - 1, 1));
  const std::int64_t others = std::max<std::int64_t>(block.entered - 1, 1);
  return (1 - *settings_.confidence) / static_cast<double>(looks_ * others);
}

// The race over all trials makes nobody wait: what samplers are told is known before it.
std::int64_t RaceScheduler::horizon(std::int64_t trial) const {
  if (first_seeds_count()) return trial;
  return trial - trial % settings_.block + settings_.block - 1;
}

RaceScheduler::Block& RaceScheduler::block_of(std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  if (blocks_.size() <= i) blocks_.resize(i + 1);
  Block& block = blocks_[i];
  if (block.size > 0) return block;
  block.size = std::min(settings_.block, count_ - index * settings_.block);
  block.stage = first_seeds(seeds_);
  block.missing = block.size;
  return block;
}

RaceScheduler::Member& RaceScheduler::member_of(Block& block, std::int64_t i) {
  const auto index = static_cast<std::size_t>(i);
  if (block.members.size() <= index) block.members.resize(index + 1);
  return block.members[index];
}

bool RaceScheduler::is_there(const Member& member, const Block& block) const {
  return member.over || static_cast<std::int64_t>(member.losses.size()) >= block.stage;
}

void RaceScheduler::tell_seeds(std::int64_t trial, std::span<const double> losses) {
  const std::int64_t index = trial / settings_.block;
  Block& block = block_of(index);
  if (block.stage > seeds_) return;
  Member& member = member_of(block, trial % settings_.block);
  if (member.out) return;
  const bool was_there = is_there(member, block);
  member.losses.assign(losses.begin(), losses.end());
  if (was_there || !is_there(member, block)) return;
  --block.missing;
  settle(index, block);
}

void RaceScheduler::tell_over(std::int64_t trial) {
  const std::int64_t index = trial / settings_.block;
  Block& block = block_of(index);
  if (block.stage > seeds_) return;
  Member& member = member_of(block, trial % settings_.block);
  const bool was_there = is_there(member, block);
  member.over = true;
  if (member.out || was_there) return;
  --block.missing;
  settle(index, block);
}

// The block in which the trials end is cut there.
void RaceScheduler::tell_count(std::int64_t trials) {
  count_ = trials;
  if (trials <= 0) return;
  const std::int64_t index = (trials - 1) / settings_.block;
  if (static_cast<std::size_t>(index) >= blocks_.size()) return;
  Block& block = block_of(index);
  const std::int64_t size = trials - index * settings_.block;
  if (block.stage != first_seeds(seeds_) || size >= block.size) return;
  block.missing -= block.size - size;
  block.size = size;
  settle(index, block);
}

void RaceScheduler::settle(std::int64_t index, Block& block) {
  while (block.missing == 0 && block.stage <= seeds_) {
    settle_stage(index, block);
    if (block.stage > seeds_) break;
    block.missing = std::count_if(block.members.begin(), block.members.end(),
                                  [&](const Member& member) { return !member.out && !is_there(member, block); });
  }
  if (block.stage > seeds_) block.members = {};
}

void RaceScheduler::settle_stage(std::int64_t index, Block& block) {
  const std::int64_t stage = block.stage;
  block.stage = seeds_ + 1;
  if (stage == seeds_) return;  // the seeds are used up: there is nothing to ask
  const auto mean_on_stage = [&](const Member& member) {
    return mean_of(std::span(member.losses).first(static_cast<std::size_t>(stage)));
  };
  std::vector<std::size_t> racing, diverged;
  for (std::size_t i = 0; i < block.members.size(); ++i) {
    Member& member = block.members[i];
    if (member.out) continue;
    member.out = static_cast<std::int64_t>(member.losses.size()) < stage;
    if (!member.out) (std::isfinite(mean_on_stage(member)) ? racing : diverged).push_back(i);
  }
  if (stage == first_seeds(seeds_)) block.entered = static_cast<std::int64_t>(racing.size() + diverged.size());
  const auto better_mean = [&](std::size_t a, std::size_t b) {
    return mean_on_stage(block.members[a]) < mean_on_stage(block.members[b]);
  };
  const auto leader = std::min_element(racing.begin(), racing.end(), better_mean);
  const double threshold = this->threshold(block, static_cast<std::int64_t>(racing.size()));
  const auto number_of = [&](std::size_t i) { return index * settings_.block + static_cast<std::int64_t>(i); };
  const std::size_t first_made = made_.size();
  for (const std::size_t i : diverged) {
    block.members[i].out = true;
    made_.push_back({number_of(i), Question::kSeeds, stage, Verdict::kStop, 0,
                     saw_of({{"block", index}, {"alive", racing.size()}})});
  }
  std::size_t left = 0;
  for (const std::size_t i : racing) {
    Member& member = block.members[i];
    const Member& best = block.members[*leader];
    Decision decision{number_of(i), Question::kSeeds, stage, Verdict::kGoOn, 0, {}};
    decision.saw = saw_of({{"block", index},
                           {"alive", racing.size()},
                           {"leader", number_of(*leader)},
                           {"mean", mean_on_stage(member)},
                           {"leader_mean", mean_on_stage(best)}});
    if (i != *leader) {
      std::vector<double> differences;
      for (std::size_t seed = 0; seed < static_cast<std::size_t>(stage); ++seed) {
        differences.push_back(member.losses[seed] - best.losses[seed]);
      }
      const double p = paired_t_p(differences);
      decision.saw["p"] = p;
      decision.saw["threshold"] = threshold;
      member.out = p < threshold;
    }
    left += !member.out;
    if (member.out) decision.verdict = Verdict::kStop;
    made_.push_back(std::move(decision));
  }
  if (left > 1) block.stage = after(stage);
  for (std::size_t i = first_made; i < made_.size(); ++i) {
    if (left <= 1) made_[i].verdict = Verdict::kStop;
    if (made_[i].verdict == Verdict::kGoOn) made_[i].seeds = block.stage;
  }
}

std::vector<Decision> RaceScheduler::decide() { return std::exchange(made_, {}); }

}  // namespace caviar
