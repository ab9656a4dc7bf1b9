#include "app/search_record.h"

namespace caviar {
namespace {

Value recorded(const Choice& choice) {
  Value settings = Value::object();
  for (const auto& [name, setting] : choice.settings) settings[name] = setting.value;
  return {{"name", choice.name}, {"settings", settings}};
}

void recall(const Value& record, const char* key, Choice& choice) {
  if (!record.contains(key)) return;
  choice = {};
  choice.name = record[key]["name"].get<std::string>();
  for (const auto& [name, value] : record[key]["settings"].items()) choice.settings[name] = {value, ""};
}

template <class Number>
void recall(const Value& record, const char* key, std::optional<Number>& number) {
  if (record.contains(key) && !record[key].is_null()) number = record[key].get<Number>();
}

template <class Number>
Value or_null(const std::optional<Number>& number) {
  return number ? Value(*number) : Value();
}

}  // namespace

std::string search_record(const Settings& settings) {
  return Value{{"sampler", recorded(settings.sampler)}, {"scheduler", recorded(settings.scheduler)},
               {"window", or_null(settings.window)},    {"no_improvement", or_null(settings.no_improvement)},
               {"noise", or_null(settings.noise)},      {"by_hand", settings.by_hand}}
      .dump();
}

void recall_search(const std::string& record, const SaidAgain& said, Settings& settings) {
  const Value before = Value::parse(record);
  if (!said.sampler) recall(before, "sampler", settings.sampler);
  if (!said.scheduler) recall(before, "scheduler", settings.scheduler);
  if (!said.window) recall(before, "window", settings.window);
  if (!said.no_improvement) recall(before, "no_improvement", settings.no_improvement);
  if (!said.noise) recall(before, "noise", settings.noise);
  if (!said.by_hand && before.contains("by_hand")) settings.by_hand = before["by_hand"].get<std::vector<Config>>();
}

}  // namespace caviar
