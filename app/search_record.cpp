#include "app/search_record.h"

namespace caviar {

std::string search_record(const Settings& settings) {
  Value given = Value::object();
  for (const auto& [name, setting] : settings.sampler.settings) given[name] = setting.value;
  return Value{{"sampler", {{"name", settings.sampler.name}, {"settings", given}}}, {"by_hand", settings.by_hand}}
      .dump();
}

void recall_sampler(const std::string& record, Settings& settings) {
  const Value recorded = Value::parse(record);
  if (!recorded.contains("sampler")) return;
  settings.sampler = {};
  settings.sampler.name = recorded["sampler"]["name"].get<std::string>();
  for (const auto& [name, value] : recorded["sampler"]["settings"].items()) {
    settings.sampler.settings[name] = {value, ""};
  }
}

void recall_by_hand(const std::string& record, Settings& settings) {
  const Value recorded = Value::parse(record);
  if (recorded.contains("by_hand")) settings.by_hand = recorded["by_hand"].get<std::vector<Config>>();
}

}  // namespace caviar
