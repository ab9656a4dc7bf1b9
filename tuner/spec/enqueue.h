// Configs given by hand, to be tried before all others: the files of --enqueue.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuner/spec/spec.h"

namespace caviar {

// Reads a YAML file of one config, a map of parameters and values, or of a list of such maps. Groups may be nested or
// dotted, names may be aliases: where they mean a parameter of the sweep, the config has the sweep's name for it. What
// the sweep holds constant need not be given; what it varies must be, in so far as it has a place beside the other
// values. Values need not be among those of the sweep.
//
// Throws Error ("filename:line: ...") for a file that is something else, a parameter that is missing, and whatever
// bind_config() refuses.
std::vector<Config> parse_enqueued(const std::string& text, const std::string& filename, const SweepSpec& spec);

// The same for a file on disk; Error when it cannot be read.
std::vector<Config> load_enqueued(const std::string& path, const SweepSpec& spec);

// What a user may not expect of the configs in spec.settings.by_hand, a sentence each: that one gives a parameter the
// sweep holds constant another value, that one is there twice and is tried once, that there are more than `trials`.
std::vector<std::string> notes_on_enqueued(const SweepSpec& spec, std::optional<std::int64_t> trials);

}  // namespace caviar
