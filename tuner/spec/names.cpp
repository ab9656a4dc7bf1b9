#include "tuner/spec/names.h"

#include <algorithm>
#include <array>

#include "tuner/spec/parameter_help.h"

namespace caviar {
namespace {

struct Alias {
  std::string_view alias, name;
};

// What people call our parameters, in the order of the groups they belong to.
constexpr Alias kAliases[] = {
    {"architecture", "model"},
    {"arch", "model"},
    {"cell_type", "cell"},
    {"cell_name", "cell"},
    {"rnn", "cell"},
    {"rnn_type", "cell"},
    {"rnn_cell", "cell"},
    {"recurrent_cell", "cell"},
    {"activation", "nonlinearity"},
    {"hidden", "hidden_size"},
    {"hidden_dim", "hidden_size"},
    {"hidden_units", "hidden_size"},
    {"n_hidden", "hidden_size"},
    {"num_hidden", "hidden_size"},
    {"rnn_size", "hidden_size"},
    {"rnn_units", "hidden_size"},
    {"rnn_hidden_size", "hidden_size"},
    {"units", "hidden_size"},
    {"layers", "num_layers"},
    {"n_layers", "num_layers"},
    {"n_layer", "num_layers"},
    {"num_layer", "num_layers"},
    {"nlayers", "num_layers"},
    {"rnn_layers", "num_layers"},
    {"num_rnn_layers", "num_layers"},
    {"depth", "num_layers"},
    {"bidir", "bidirectional"},
    {"is_bidirectional", "bidirectional"},
    {"read_out", "readout"},
    {"pooling", "readout"},
    {"batch", "batch_size"},
    {"bs", "batch_size"},
    {"batchsize", "batch_size"},
    {"minibatch_size", "batch_size"},
    {"mini_batch_size", "batch_size"},
    {"train_batch_size", "batch_size"},
    {"epoch", "epochs"},
    {"n_epochs", "epochs"},
    {"num_epochs", "epochs"},
    {"max_epochs", "epochs"},
    {"train_epochs", "epochs"},
    {"num_train_epochs", "epochs"},
    {"steps", "max_steps"},
    {"n_steps", "max_steps"},
    {"num_steps", "max_steps"},
    {"total_steps", "max_steps"},
    {"train_steps", "max_steps"},
    {"training_steps", "max_steps"},
    {"max_train_steps", "max_steps"},
    {"num_train_steps", "max_steps"},
    {"iterations", "max_steps"},
    {"opt", "optimizer"},
    {"optim", "optimizer"},
    {"optimiser", "optimizer"},
    {"optimizer_name", "optimizer"},
    {"optimizer_type", "optimizer"},
    {"lr", "learning_rate"},
    {"learningrate", "learning_rate"},
    {"learn_rate", "learning_rate"},
    {"base_lr", "learning_rate"},
    {"init_lr", "learning_rate"},
    {"initial_lr", "learning_rate"},
    {"max_lr", "learning_rate"},
    {"hypergradient_lr", "hypergradient_rate"},
    {"hypergrad_lr", "hypergradient_rate"},
    {"hypergradient_learning_rate", "hypergradient_rate"},
    {"mom", "momentum"},
    {"sgd_momentum", "momentum"},
    {"use_nesterov", "nesterov"},
    {"b1", "beta1"},
    {"beta_1", "beta1"},
    {"adam_beta1", "beta1"},
    {"adam_beta_1", "beta1"},
    {"b2", "beta2"},
    {"beta_2", "beta2"},
    {"adam_beta2", "beta2"},
    {"adam_beta_2", "beta2"},
    {"one_minus_beta_1", "one_minus_beta1"},
    {"one_minus_beta_2", "one_minus_beta2"},
    {"adam_betas", "betas"},
    {"epsilon", "eps"},
    {"adam_eps", "eps"},
    {"adam_epsilon", "eps"},
    {"optimizer_eps", "eps"},
    {"rho", "alpha"},
    {"rmsprop_alpha", "alpha"},
    {"wd", "weight_decay"},
    {"weightdecay", "weight_decay"},
    {"l1_penalty", "l1"},
    {"l1_reg", "l1"},
    {"l1_lambda", "l1"},
    {"clip", "clip_norm"},
    {"clipnorm", "clip_norm"},
    {"grad_clip", "clip_norm"},
    {"grad_clip_norm", "clip_norm"},
    {"gradient_clip", "clip_norm"},
    {"gradient_clip_norm", "clip_norm"},
    {"gradient_clip_val", "clip_norm"},
    {"max_grad_norm", "clip_norm"},
    {"clip_grad_norm", "clip_norm"},
    {"clipvalue", "clip_value"},
    {"grad_clip_value", "clip_value"},
    {"clip_grad_value", "clip_value"},
    {"scheduler", "schedule"},
    {"lr_schedule", "schedule"},
    {"lr_scheduler", "schedule"},
    {"learning_rate_schedule", "schedule"},
    {"warmup", "warmup_steps"},
    {"warm_up_steps", "warmup_steps"},
    {"lr_warmup_steps", "warmup_steps"},
    {"num_warmup_steps", "warmup_steps"},
    {"lr_step_size", "step_size"},
    {"lr_gamma", "gamma"},
    {"min_lr", "eta_min"},
    {"lr_min", "eta_min"},
    {"polyak_averaging", "polyak"},
    {"weight_averaging", "polyak"},
    {"ema", "polyak"},
    {"ema_decay", "polyak_decay"},
    {"one_minus_ema_decay", "one_minus_polyak_decay"},
    {"swa_start_step", "polyak_start_step"},
    {"drop", "dropout"},
    {"drop_rate", "dropout"},
    {"drop_prob", "dropout"},
    {"dropout_p", "dropout"},
    {"dropout_prob", "dropout"},
    {"dropout_rate", "dropout"},
    {"rnn_dropout", "dropout"},
    {"smoothing", "label_smoothing"},
    {"label_smooth", "label_smoothing"},
    {"standardise", "standardize"},
    {"normalize", "standardize"},
    {"normalise", "standardize"},
    {"random_seed", "seed"},
    {"random_state", "seed"},
    {"rng_seed", "seed"},
    {"manual_seed", "seed"},
    {"init_seed", "seed_init"},
    {"order_seed", "seed_order"},
    {"shuffle_seed", "seed_order"},
    {"dropout_seed", "seed_dropout"},
    {"augment_seed", "seed_augment"},
    {"split_seed", "seed_split"},
};

struct ChoiceAlias {
  std::string_view parameter, alias, name;
};

constexpr ChoiceAlias kChoiceAliases[] = {
    {"model", "bi_rnn", "birnn"},
    {"cell", "rnntanh", "rnn_tanh"},
    {"cell", "rnnrelu", "rnn_relu"},
    {"cell", "vanilla", "rnn"},
    {"readout", "last", "last_step"},
    {"readout", "final", "final_states"},
    {"readout", "final_state", "final_states"},
    {"readout", "avg", "mean"},
    {"readout", "average", "mean"},
    {"optimizer", "adam_w", "adamw"},
    {"optimizer", "rms_prop", "rmsprop"},
    {"schedule", "none", "constant"},
    {"schedule", "constantlr", "constant"},
    {"schedule", "constant_lr", "constant"},
    {"schedule", "steplr", "step"},
    {"schedule", "step_lr", "step"},
    {"schedule", "exp", "exponential"},
    {"schedule", "exponentiallr", "exponential"},
    {"schedule", "exponential_lr", "exponential"},
    {"schedule", "1/t", "inverse_time"},
    {"schedule", "inv_time", "inverse_time"},
    {"schedule", "linearlr", "linear"},
    {"schedule", "linear_lr", "linear"},
    {"schedule", "cosine_annealing", "cosine"},
    {"schedule", "cosineannealinglr", "cosine"},
    {"schedule", "cosine_annealing_lr", "cosine"},
    {"schedule", "onecycle", "one_cycle"},
    {"schedule", "1cycle", "one_cycle"},
    {"schedule", "onecyclelr", "one_cycle"},
    {"schedule", "one_cycle_lr", "one_cycle"},
    {"polyak", "off", "none"},
    {"polyak", "ema", "exponential"},
    {"polyak", "swa", "uniform"},
};

constexpr std::array<std::string_view, 6> kMetrics = {
    "val_accuracy", "val_loss", "averaged_val_accuracy", "averaged_val_loss", "train_accuracy", "train_loss",
};

constexpr Alias kMetricAliases[] = {
    {"acc", "val_accuracy"},
    {"accuracy", "val_accuracy"},
    {"val_acc", "val_accuracy"},
    {"valid_acc", "val_accuracy"},
    {"valid_accuracy", "val_accuracy"},
    {"validation_acc", "val_accuracy"},
    {"validation_accuracy", "val_accuracy"},
    {"eval_accuracy", "val_accuracy"},
    {"loss", "val_loss"},
    {"valid_loss", "val_loss"},
    {"validation_loss", "val_loss"},
    {"eval_loss", "val_loss"},
    {"averaged_accuracy", "averaged_val_accuracy"},
    {"averaged_loss", "averaged_val_loss"},
    {"ema_val_accuracy", "averaged_val_accuracy"},
    {"ema_val_loss", "averaged_val_loss"},
    {"train_acc", "train_accuracy"},
    {"training_accuracy", "train_accuracy"},
    {"training_loss", "train_loss"},
};

std::string folded(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_known(std::string_view name) {
  const auto& known = known_parameters();
  return std::binary_search(known.begin(), known.end(), name);
}

// The parameter one folded word means, or "".
std::string parameter_of_word(std::string_view word) {
  if (is_known(word)) return std::string(word);
  for (const Alias& alias : kAliases) {
    if (alias.alias == word) return std::string(alias.name);
  }
  return "";
}

// Damerau-Levenshtein distance (optimal string alignment), by rows.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string canonical_parameter(std::string_view path) {
  const std::string whole = folded(path);
  const std::size_t dot = whole.rfind('.');
  if (dot == std::string::npos) return parameter_of_word(whole);
  const std::string last = whole.substr(dot + 1);
  const std::size_t above = whole.rfind('.', dot - 1);
  const std::size_t start = above == std::string::npos || dot == 0 ? 0 : above + 1;
  const std::string group = whole.substr(start, dot - start);
  if (last == "name" || last == "type") return parameter_of_word(group);
  if (std::string both = parameter_of_word(group + "_" + last); !both.empty()) return both;
  return parameter_of_word(last);
}

const std::vector<std::string_view>& known_parameters() {
  static const std::vector<std::string_view> known = [] {
    std::vector<std::string_view> names;
    for (const ParameterHelp& help : parameter_help()) names.push_back(help.name);
    std::sort(names.begin(), names.end());
    return names;
  }();
  return known;
}

std::string canonical_choice(std::string_view parameter, std::string_view word) {
  std::string wanted = folded(word);
  for (const ChoiceAlias& alias : kChoiceAliases) {
    if (alias.parameter == parameter && alias.alias == wanted) return std::string(alias.name);
  }
  return wanted;
}

std::vector<std::string_view> parameter_aliases(std::string_view name) {
  std::vector<std::string_view> aliases;
  for (const Alias& alias : kAliases) {
    if (alias.name == name) aliases.push_back(alias.alias);
  }
  return aliases;
}

std::vector<std::string_view> choice_aliases(std::string_view parameter, std::string_view choice) {
  std::vector<std::string_view> aliases;
  for (const ChoiceAlias& alias : kChoiceAliases) {
    if (alias.parameter == parameter && alias.name == choice) aliases.push_back(alias.alias);
  }
  return aliases;
}

std::vector<std::string_view> metric_aliases(std::string_view name) {
  std::vector<std::string_view> aliases;
  for (const Alias& alias : kMetricAliases) {
    if (alias.name == name) aliases.push_back(alias.alias);
  }
  return aliases;
}

std::span<const std::string_view> known_metrics() { return kMetrics; }

std::string canonical_metric(std::string_view name) {
  std::string wanted = folded(name);
  std::replace(wanted.begin(), wanted.end(), '/', '_');  // val/accuracy
  std::replace(wanted.begin(), wanted.end(), '.', '_');
  if (std::find(kMetrics.begin(), kMetrics.end(), wanted) != kMetrics.end()) return wanted;
  for (const Alias& alias : kMetricAliases) {
    if (alias.alias == wanted) return std::string(alias.name);
  }
  return "";
}

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string wanted = folded(word.substr(0, 64));
  std::string_view best;
  std::size_t fewest = 0;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edits(wanted, folded(candidate));
    if (distance * 3 > std::max(wanted.size(), candidate.size())) continue;
    if (best.empty() || distance < fewest) {
      best = candidate;
      fewest = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view nearest = nearest_name(word, candidates);
  return nearest.empty() ? "" : "; did you mean '" + std::string(nearest) + "'?";
}

std::string did_you_mean_parameter(std::string_view path) {
  std::vector<std::string_view> candidates = known_parameters();
  for (const Alias& alias : kAliases) candidates.push_back(alias.alias);
  std::string_view nearest = nearest_name(path, candidates);
  if (const std::size_t dot = path.rfind('.'); nearest.empty() && dot != std::string_view::npos) {
    nearest = nearest_name(path.substr(dot + 1), candidates);
  }
  return nearest.empty() ? "" : "; did you mean '" + parameter_of_word(nearest) + "'?";
}

std::string join(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

}  // namespace caviar
