// A small sweep on the fake executor, for the tests of storage and study.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/fake_executor.h"
#include "tests/support/study_content.h"
#include "tuner/sampler.h"
#include "tuner/schedulers/none.h"
#include "tuner/study.h"

namespace caviar {

// Configs from a list, in its order.
class ListSampler : public Sampler {
 public:
  explicit ListSampler(std::vector<Config> configs) : configs_(std::move(configs)) {}
  std::optional<Config> propose(std::int64_t number, int) override {
    if (number >= size()) return std::nullopt;
    return configs_[static_cast<std::size_t>(number)];
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(configs_.size()); }

 private:
  std::vector<Config> configs_;
};

// `count` configs of five rungs of ten steps each. Every seventh diverges; the last repeats the first.
inline std::vector<Config> small_sweep(int count) {
  std::vector<Config> configs;
  for (int i = 0; i < count; ++i) {
    Config config;
    config["epochs"] = 5;
    config["batch_size"] = 100;
    config["hidden_size"] = 8 + 4 * (i % 5);
    config["learning_rate"] = i % 7 == 6 ? 2.0 : 0.001 * (1 + i / 5);
    configs.push_back(i + 1 == count && count > 1 ? configs.front() : config);
  }
  return configs;
}

inline constexpr std::int64_t kSmallExamples = 1000;

inline StudySetup small_setup(std::optional<std::int64_t> trials = std::nullopt, std::int64_t seeds = 2) {
  StudySetup setup;
  setup.record.spec_name = "small.yaml";
  setup.record.spec = "method: grid\n";
  setup.record.sweep_seed = 1;
  setup.record.trials = trials;
  setup.record.seeds = seeds;
  setup.record.metric = "val_accuracy";
  setup.record.data_name = "pretended";
  setup.record.data_digest = "00112233445566778899aabbccddeeff";
  setup.record.numerics = "fake/1";
  setup.record.caviar_version = "0.1.0";
  setup.use.validation_examples = 200;
  setup.shape = {kSmallExamples + setup.use.validation_examples, 500, setup.record.data_digest};
  return setup;
}

inline FakeOptions small_fake(std::uint64_t shuffle_seed = 0, int workers = 4) {
  FakeOptions options;
  options.workers = workers;
  options.shuffle_seed = shuffle_seed;
  options.examples = kSmallExamples;
  return options;
}

// A study with all its parts; carry it out with `study.carry_out()`.
struct FakeStudy {
  FakeStudy(Storage& storage_in, StudySetup setup, std::vector<Config> configs, FakeOptions fake = small_fake())
      : storage(storage_in),
        sampler(std::make_unique<ListSampler>(std::move(configs))),
        executor(fake),
        study(std::move(setup), storage, *sampler, scheduler, executor) {
    study.on_notice = [this](const std::string& text) { notices.push_back(text); };
  }

  Storage& storage;
  std::unique_ptr<Sampler> sampler;
  NoScheduler scheduler;
  FakeExecutor executor;
  Study study;
  std::vector<std::string> notices;
};

// What an undisturbed study of the small sweep records.
inline std::string undisturbed_content(int trials, std::int64_t seeds = 2) {
  Storage storage = Storage::open_to_write(":memory:");
  FakeStudy fake(storage, small_setup(std::nullopt, seeds), small_sweep(trials));
  fake.study.carry_out();
  return study_content(storage);
}

}  // namespace caviar
