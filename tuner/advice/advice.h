// What an experienced person would say of a sweep before it starts: legal, and probably not what was meant.
//
// Most rules are those of the tuning playbook (Godbole, Dahl, Gilmer, Shallue, Nado 2023, "Deep Learning Tuning
// Playbook"); each sentence says what will happen and what to write instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/scheduler.h"
#include "tuner/spec/spec.h"

namespace caviar {

// What flags, sampler and machine add to the file.
struct SearchFacts {
  std::optional<std::int64_t> trials;  // that will be tried at most; empty: no end
  std::int64_t points = -1;            // of the space, where they are counted: Sampler::size()
  std::int64_t seeds = 1;              // of every trial, at most
  bool learns = false;                 // the sampler waits for results
  std::int64_t window = 1;             // then it may lag behind by so many trials
  std::int64_t runs_wanted = 0;        // that keep the device busy; 0: unknown
  std::int64_t most_reports = 0;       // the longest run reports so often; 0: unknown
  bool has_priors = false;             // the sampler begins with results of earlier studies
  std::int64_t population = 0;         // members of a population, whose points are its trials; 0: none
};

// Sentences "file:line: ..." (without a line where a flag or the whole file is meant), in the order of the rules:
//   - epochs or max_steps are swept: longer training wins and says nothing of the rest;
//   - an even (uniform) range over more than two decades, or from 0 for a rate or a penalty; the same for 1 - x of a
//     memory such as momentum;
//   - the batch size is swept and the learning rate is not;
//   - more of adam's numbers are swept than the trials can tell apart: below 10 trials the learning rate, from 10 also
//     beta1, from 25 also eps, from 50 (the playbook: "substantially more") also beta2;
//   - a parameter that is swept and never read (unread_everywhere());
//   - more points in a grid than trials;
//   - a window that leaves the device idle;
//   - those of advise_on_search().
// Pure. A sweep without any of these gets no sentence.
std::vector<std::string> advise(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler);

// The sentences that are about the search alone, which a sweep says too before it starts:
//   - a loss that is maximised, an accuracy that is minimised;
//   - the sampler bohb without a scheduler that stops trials at rungs;
//   - a sampler that never learns: what it waits for before it learns (tpe's and gp's startup, a generation of cma_es,
//     a round of zoom) holds all trials, or zoom has one round; a population of one generation;
//   - a scheduler that can never judge: its first report is beyond the longest run, its first seeds are all there are,
//     its bracket or block holds one trial, no trial has as many before it as it compares with;
//   - a threshold that only good trials cross, or none.
std::vector<std::string> advise_on_search(const SweepSpec& spec, const SearchFacts& facts, const Scheduler& scheduler);

// Swept parameters that the other values leave without effect in each of 256 points all over the space. Parameters must
// be known (check_parameters()).
std::vector<const ParameterSpec*> unread_everywhere(const SweepSpec& spec);

// Whether a parameter takes more than one value.
bool is_swept(const ParameterSpec& parameter);

}  // namespace caviar
