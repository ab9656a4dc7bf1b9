// What of a config its training reads: the rest may differ between two trials that mean the same.
#pragma once

#include <string>
#include <string_view>

#include "engine/run.h"
#include "tuner/bind.h"

namespace caviar {

// Whether a training with these numbers reads the parameter of that canonical name: sgd reads no beta1, one layer has
// no place for dropout, a constant schedule no use for gamma. True for every name without such a rule. The cell is the
// bound one, so that of `nonlinearity` it is asked whether the cell is a plain one.
bool is_read(std::string_view parameter, const PackKey& key, const Hyper& hyper);

// The same training, with every hyperparameter that it does not read at its default (step_size at the steps of an
// epoch): configs that mean the same become equal, their runs have the same bits. Seeds stay as they are, read or not:
// whoever gives a run a seed of its own wants a run of its own, and statistics over seeds count them.
BoundConfig meaning_of(const BoundConfig& bound);

// canonical_run() with numbers that are not read as the config gave them: so runs were recorded before it left them
// out. For finding those again.
std::string canonical_as_given(const BoundConfig& bound, const std::string& data_digest, const std::string& numerics);

}  // namespace caviar
