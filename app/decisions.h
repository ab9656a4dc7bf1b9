// What a search decided while it ran: who was stopped or given more seeds, and what was seen; who went on with whose
// weights; what the sampler said of itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tuner/storage/storage.h"

namespace caviar {

// A trial of a population that began with another's weights.
struct Copy {
  std::int64_t trial = 0, parent = 0;
  std::int64_t at = 0;                                     // the iteration that the parent's runs had come to
  std::map<std::string, std::pair<Value, Value>> changed;  // parameters: the parent's value, its own; null: it has none
};

// In order of trial; with `trial`, those it made and those made of it.
std::vector<Copy> copies(Storage& storage, std::optional<std::int64_t> trial);

// What the sampler said. A resume may say it again; here it is once.
std::vector<Event> search_news(Storage& storage);

// The trial whose decisions hold for this one: an earlier one when both mean the same training.
std::int64_t judged_as(Storage& storage, std::int64_t trial);

// One line a decision, then one a copy, then the news; with `trial`, what concerns that trial. Error when there is none
// of that number.
void print_decisions(Storage& storage, std::optional<std::int64_t> trial);

}  // namespace caviar
