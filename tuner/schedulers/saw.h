// What a decision was made from, for the record.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "tuner/trial.h"

namespace caviar {

// The object with these entries, without the detour of nlohmann's lists in braces, of which every pair is an array
// first: a scheduler makes one for each decision. A number that is not finite is recorded as null.
inline Value saw_of(std::initializer_list<std::pair<const char*, Value>> entries) {
  Value::object_t object;
  for (const auto& [name, value] : entries) object.emplace_hint(object.end(), name, value);
  return Value(std::move(object));
}

}  // namespace caviar
