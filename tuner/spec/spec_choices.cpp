// The key `choice` of the block `caviar:`: parameters that have a place only beside some value of another one.
#include <algorithm>
#include <map>

#include "tuner/spec/names.h"
#include "tuner/spec/spec.h"
#include "tuner/spec/spec_reader.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

// What stands under one value of a choice: parameters defined there, or names of parameters of the sweep.
struct Branch {
  std::string key;  // the value, as text
  int line = 0;
  std::vector<ParameterSpec> defined;
  std::vector<std::pair<std::string, int>> listed;  // name, line
};

struct ChoiceBlock {
  std::string name;  // of the parameter that decides
  int line = 0;
  std::vector<Branch> branches;

  bool defines(const std::string& parameter) const {
    return std::any_of(branches.begin(), branches.end(), [&](const Branch& branch) {
      return std::any_of(branch.defined.begin(), branch.defined.end(),
                         [&](const ParameterSpec& inner) { return inner.name == parameter; });
    });
  }
};

// Whether the key of a map, which is text, stands for the value: as the same text in a list would.
bool means(const std::string& key, const Value& value) {
  if (value.is_string()) return value.get<std::string>() == key;
  if (value.is_number()) {
    const auto number = parse_number(key);
    return number && *number == value;
  }
  if (!value.is_boolean() && !value.is_null()) return false;
  try {
    const auto node = parse_yaml(key, "");
    return node->is_scalar() && node->scalar == value;
  } catch (const Error&) {
    return false;
  }
}

std::string text_of(const Value& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

class ChoiceReader {
 public:
  ChoiceReader(SpecReader& reader, std::vector<ParameterSpec>& parameters) : reader_(reader), parameters_(parameters) {}

  void read(const YamlNode& block) {
    reader_.require_map(block, "choice");
    for (const YamlEntry& entry : block.entries) blocks_.push_back(read_block(entry));
    while (!blocks_.empty()) attach(take_next());
    check_circles();
    check_names();
  }

 private:
  ChoiceBlock read_block(const YamlEntry& entry) {
    ChoiceBlock block{entry.key, entry.line, {}};
    reader_.require_map(*entry.value, "choice '" + entry.key + "'");
    for (const YamlEntry& value : entry.value->entries) block.branches.push_back(read_branch(entry.key, value));
    return block;
  }

  Branch read_branch(const std::string& name, const YamlEntry& entry) {
    Branch branch{entry.key, entry.line, {}, {}};
    const YamlNode& node = *entry.value;
    if (node.is_map()) {
      read_parameters(reader_, node, "", branch.defined);
    } else if (node.is_list()) {
      for (const auto& item : node.items) {
        branch.listed.emplace_back(reader_.string(*item, "a name under " + name + ": " + entry.key), item->line);
      }
    } else if (!node.scalar.is_null()) {
      reader_.refuse(entry.line, entry.key, " of choice '", name, "' is ", show(node.scalar),
                     "; write a map of parameters, or a list of names such as [", text_of(node.scalar), "]");
    }
    return branch;
  }

  // A choice is read when all parameters of its name are known.
  ChoiceBlock take_next() {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const bool is_ready = std::none_of(blocks_.begin(), blocks_.end(),
                                         [&](const ChoiceBlock& other) { return other.defines(blocks_[i].name); });
      if (!is_ready) continue;
      ChoiceBlock block = std::move(blocks_[i]);
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(i));
      return block;
    }
    reader_.refuse(blocks_.front().line, "choice '", blocks_.front().name,
                   "' has its place only by what is chosen inside it; define '", blocks_.front().name,
                   "' outside this circle");
  }

  void attach(const ChoiceBlock& block) {
    std::vector<ParameterSpec> parents;
    for (const ParameterSpec& parameter : parameters_) {
      if (parameter.name == block.name) parents.push_back(parameter);
    }
    if (parents.empty()) refuse_unknown(block.name, block.line);
    for (const ParameterSpec& parent : parents) {
      if (parent.distribution == Distribution::kCategorical ||
          parent.distribution == Distribution::kCategoricalWithProbabilities) {
        continue;
      }
      reader_.refuse(block.line, "choice '", block.name, "' is ", to_string(parent.distribution), " (line ",
                     parent.line, "); only a parameter with values can be one");
    }
    for (const Branch& branch : block.branches) attach(branch, parents);
  }

  void attach(const Branch& branch, const std::vector<ParameterSpec>& parents) {
    std::vector<std::pair<const ParameterSpec*, Value>> places;
    for (const ParameterSpec& parent : parents) {
      const auto value = std::find_if(parent.values.begin(), parent.values.end(),
                                      [&](const Value& candidate) { return means(branch.key, candidate); });
      if (value != parent.values.end()) places.emplace_back(&parent, *value);
    }
    if (places.empty()) refuse_value(branch, parents);
    for (const auto& [parent, value] : places) {
      for (ParameterSpec parameter : branch.defined) {
        parameter.label = parent->label + "=" + text_of(value) + "/" + parameter.name;
        parameter.when = Condition{parent->label, {value}};
        parameters_.push_back(std::move(parameter));
      }
    }
    for (const auto& [name, line] : branch.listed) {
      if (places.size() > 1) {
        reader_.refuse(line, "'", parents.front().name, "' is defined in ", places.size(),
                       " places, so it cannot decide over the one parameter '", name, "'; define '", name,
                       "' under the value instead of listing it");
      }
      give_place(name, line, *places.front().first, places.front().second);
    }
  }

  // A parameter of the sweep is from now on there only when `parent` has the value, or one of those before.
  void give_place(const std::string& name, int line, const ParameterSpec& parent, const Value& value) {
    const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                    [&](const ParameterSpec& parameter) { return parameter.label == name; });
    if (found == parameters_.end()) {
      const auto inside = std::find_if(parameters_.begin(), parameters_.end(),
                                       [&](const ParameterSpec& parameter) { return parameter.name == name; });
      if (inside == parameters_.end()) refuse_unknown(name, line);
      reader_.refuse(line, "'", name, "' is defined inside a choice already (line ", inside->line,
                     "); list only what stands under parameters of the sweep");
    }
    lines_[name] = line;
    if (!found->when) {
      found->when = Condition{parent.label, {value}};
      return;
    }
    if (found->when->parameter != parent.label) {
      reader_.refuse(line, "'", name, "' has its place by '", found->when->parameter,
                     "' already; one choice decides over a parameter, so define it inside the other");
    }
    std::vector<Value>& values = found->when->values;
    if (std::find(values.begin(), values.end(), value) != values.end()) {
      reader_.refuse(line, "'", name, "' is listed twice under ", parent.name, ": ", text_of(value), "; keep one");
    }
    values.push_back(value);
  }

  [[noreturn]] void refuse_unknown(const std::string& name, int line) const {
    std::vector<std::string_view> names;
    for (const ParameterSpec& parameter : parameters_) names.push_back(parameter.name);
    const std::string hint = did_you_mean(name, names);
    reader_.refuse(line, "choice names '", name, "', which is no parameter of the sweep",
                   hint.empty() ? "; add it to parameters, or correct the name" : hint);
  }

  [[noreturn]] void refuse_value(const Branch& branch, const std::vector<ParameterSpec>& parents) const {
    std::vector<std::string> texts;
    for (const ParameterSpec& parent : parents) {
      for (const Value& value : parent.values) texts.push_back(text_of(value));
    }
    const std::vector<std::string_view> known(texts.begin(), texts.end());
    reader_.refuse(branch.line, "choice '", parents.front().name, "' has no value ", show(branch.key), "; it has ",
                   join(known).substr(0, 200), did_you_mean(branch.key, known));
  }

  // By lists of names, parameters can wait for each other.
  void check_circles() const {
    std::map<std::string_view, const ParameterSpec*> by_label;
    for (const ParameterSpec& parameter : parameters_) by_label[parameter.label] = &parameter;
    for (const ParameterSpec& start : parameters_) {
      const ParameterSpec* at = &start;
      for (std::size_t steps = 0; at->when; ++steps) {
        at = by_label.at(at->when->parameter);
        if (at != &start && steps <= parameters_.size()) continue;
        if (at != &start) break;  // a circle further up, which is found from there
        const auto line = lines_.find(start.label);
        reader_.refuse(line == lines_.end() ? start.line : line->second, "'", start.label,
                       "' has its place only by itself; take it out of this circle of choices");
      }
    }
  }

  void check_names() const {
    std::map<std::string_view, std::vector<const ParameterSpec*>> by_name;
    for (const ParameterSpec& parameter : parameters_) {
      for (const ParameterSpec* other : by_name[parameter.name]) {
        if (!can_meet(parameters_, parameter, *other)) continue;
        reader_.refuse(parameter.line, "parameter '", parameter.name, "' is there twice, also in line ", other->line,
                       ", and one config would have both; keep one, or put them under different values of one choice");
      }
      by_name[parameter.name].push_back(&parameter);
    }
  }

  SpecReader& reader_;
  std::vector<ParameterSpec>& parameters_;
  std::vector<ChoiceBlock> blocks_;
  std::map<std::string, int> lines_;  // where a parameter was listed last
};

// The conditions of a parameter and of those above it.
std::vector<const Condition*> conditions_of(const std::vector<ParameterSpec>& parameters, const ParameterSpec& of) {
  std::vector<const Condition*> conditions;
  const ParameterSpec* at = &of;
  while (at->when && conditions.size() < parameters.size()) {
    conditions.push_back(&*at->when);
    const auto parent = std::find_if(parameters.begin(), parameters.end(), [&](const ParameterSpec& parameter) {
      return parameter.label == conditions.back()->parameter;
    });
    if (parent == parameters.end()) break;
    at = &*parent;
  }
  return conditions;
}

}  // namespace

bool can_meet(const std::vector<ParameterSpec>& parameters, const ParameterSpec& one, const ParameterSpec& other) {
  const auto others = conditions_of(parameters, other);
  for (const Condition* a : conditions_of(parameters, one)) {
    for (const Condition* b : others) {
      if (a->parameter != b->parameter) continue;
      const bool share = std::any_of(a->values.begin(), a->values.end(), [&](const Value& value) {
        return std::find(b->values.begin(), b->values.end(), value) != b->values.end();
      });
      if (!share) return false;
    }
  }
  return true;
}

void read_choices(SpecReader& reader, const YamlNode& block, std::vector<ParameterSpec>& parameters) {
  ChoiceReader(reader, parameters).read(block);
}

}  // namespace caviar
