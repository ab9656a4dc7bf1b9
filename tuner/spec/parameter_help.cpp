#include "tuner/spec/parameter_help.h"

#include <charconv>

#include "kernels/base/error.h"

namespace caviar {
namespace {

constexpr double kMostSteps = 0x1p53, kSeedEnd = 0x1p64;

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

ParameterHelp choice(std::string_view name, std::vector<std::string_view> choices, const char* fallback,
                     std::string_view meaning) {
  return {name, FieldKind::kChoice, 0, 0, false, false, std::move(choices), fallback, "", meaning};
}

ParameterHelp whole(std::string_view name, double low, double high, const char* fallback, std::string_view unit,
                    std::string_view meaning) {
  return {name, FieldKind::kInteger, low, high, false, false, {}, fallback, unit, meaning};
}

ParameterHelp seed(std::string_view name, const char* fallback, std::string_view meaning) {
  return {name, FieldKind::kInteger, 0, kSeedEnd, false, true, {}, fallback, "", meaning};
}

std::string fallback_of(const HyperField& field) {
  if (field.fallback < field.low) return "(one epoch)";  // step_size: known once the data is
  switch (field.kind) {
    case FieldKind::kFlag:
      return field.fallback != 0 ? "true" : "false";
    case FieldKind::kChoice:
      return field.choices[static_cast<std::size_t>(field.fallback)];
    case FieldKind::kFloat:
    case FieldKind::kInteger:
      break;
  }
  return shortest(field.fallback);
}

ParameterHelp help_of(const HyperField& field) {
  return {field.name,
          field.kind,
          field.low,
          field.high,
          field.low_open,
          field.high_open,
          {field.choices.begin(), field.choices.end()},
          fallback_of(field),
          field.unit,
          field.meaning};
}

// The parameters that are not in the table of kernels/hyper.h. bind.cpp reads them; a test holds ranges, choices and
// defaults to what it accepts.
std::vector<ParameterHelp> own_parameters() {
  const HyperField &beta1 = *find_hyper_field("beta1"), &beta2 = *find_hyper_field("beta2");
  return {
      choice("model", {"birnn"}, "birnn",
             "The network: recurrent layers over the rows of an image, then one linear "
             "layer on what `readout` takes from them."),
      choice("cell", {"lstm", "gru", "rnn", "rnn_tanh", "rnn_relu"}, "lstm",
             "The recurrent cell, in PyTorch's variant (gru resets after the product); rnn is Elman's, with the "
             "`nonlinearity`."),
      choice("nonlinearity", {"tanh", "relu"}, "tanh", "Of `cell: rnn`; gated cells do not read it."),
      whole("hidden_size", 1, 1024, "128", "", "Numbers in the state of a layer, in each direction."),
      whole("num_layers", 1, 8, "2", "", "Recurrent layers, each over the outputs of the one before."),
      {"bidirectional",
       FieldKind::kFlag,
       0,
       1,
       false,
       false,
       {},
       "true",
       "",
       "Every layer also reads from the last row to the first; its output is both states side by side."},
      choice(
          "readout", {"last_step", "final_states", "mean"}, "last_step",
          "What the linear layer sees of the top layer. last_step: its output at the last row, where the backward "
          "state has read one row. final_states: the last state of each direction. mean: the mean output over rows."),
      whole("batch_size", 1, 2147483647, "100", "examples",
            "Training examples of a step, at most all of them; the last, partial batch of an epoch counts as a step."),
      whole("epochs", 1, 1e9, "10", "epochs", "Length of the run in passes over the training examples; or max_steps."),
      whole("max_steps", 1, kMostSteps, "(epochs)", "steps", "Length of the run in optimizer steps; or epochs."),
      {"betas",
       FieldKind::kFloat,
       beta1.low,
       beta1.high,
       beta1.low_open,
       beta1.high_open,
       {},
       cat("[", shortest(beta1.fallback), ", ", shortest(beta2.fallback), "]"),
       "",
       "A list of two numbers, [beta1, beta2]; or each by its own name."},
      seed("seed", "0", "Sets all five seeds below; --seeds adds the number of the repeat to all but seed_split."),
      seed("seed_init", "(seed)", "Seed of the initial weights."),
      seed("seed_order", "(seed)", "Seed of the order of the training examples, drawn anew each epoch."),
      seed("seed_dropout", "(seed)", "Seed of the dropout masks."),
      seed("seed_augment", "(seed)", "Seed of augmentation; no model uses it."),
      seed("seed_split", "(seed)", "Seed that chooses the training examples kept for validation."),
  };
}

}  // namespace

const std::vector<ParameterHelp>& parameter_help() {
  static const std::vector<ParameterHelp> all = [] {
    std::vector<ParameterHelp> list = own_parameters();
    for (const HyperField& field : hyper_fields()) list.push_back(help_of(field));
    return list;
  }();
  return all;
}

}  // namespace caviar
