// The words users write, and the one word caviar has for each: aliases of parameters, choices and metrics, and the
// nearest known word when none fits.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace caviar {

// The parameter a path of a sweep file means, or "" when nobody reads it. Case does not matter, `-` counts as `_`.
// Groups flatten: of `optimizer.learning_rate` the last element is the name (learning_rate), unless group and element
// together are one (`clip.norm` is clip_norm), and `name` or `type` inside a group mean the group itself
// (`optimizer.name` is optimizer). Then the alias table applies: `lr`, `hidden`, `layers`, `n_epochs`, ...
std::string canonical_parameter(std::string_view path);

// Every parameter there is, sorted; what each means: parameter_help.h.
const std::vector<std::string_view>& known_parameters();

// The word for a choice of a parameter: lower case, `-` as `_`, aliases resolved ("onecycle" is one_cycle). A word
// without an alias comes back as it is; whether the parameter has that choice is not checked.
std::string canonical_choice(std::string_view parameter, std::string_view word);

// Metrics that can steer a sweep, and the one a name or alias means ("acc", "val_acc", "accuracy": val_accuracy), or
// "".
std::span<const std::string_view> known_metrics();
std::string canonical_metric(std::string_view name);

// The other words, folded (lower case, `_`), that mean a parameter, a choice of a parameter, or a metric.
std::vector<std::string_view> parameter_aliases(std::string_view name);
std::vector<std::string_view> choice_aliases(std::string_view parameter, std::string_view choice);
std::vector<std::string_view> metric_aliases(std::string_view name);

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; case and `-` against `_` are free)
// from `word`, the first of equals; "" when none is within a third of the longer word.
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'learning_rate'?" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// The same for a path of a parameter: aliases and the last element of the path are tried too.
std::string did_you_mean_parameter(std::string_view path);

// "a, b, c".
std::string join(std::span<const std::string_view> words);

}  // namespace caviar
