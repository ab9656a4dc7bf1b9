#include "tuner/samplers/once.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "tuner/numerics/draws.h"

namespace caviar {
namespace {

constexpr int kAttempts = 32;
constexpr std::int64_t kMostWalked = std::int64_t{1} << 16;  // to count how many points of a grid were given by hand

// FNV-1a (Fowler, Noll, Vo) over tagged values, its bits mixed at the end by the finalizer of MurmurHash3 (Appleby).
class Hasher {
 public:
  void add(const Value& value) {
    switch (value.type()) {
      case Value::value_t::string:
        add_text('s', value.get_ref<const std::string&>());
        return;
      case Value::value_t::number_integer:
      case Value::value_t::number_unsigned:
      case Value::value_t::number_float:
        add_number(value);
        return;
      case Value::value_t::array:
        add_word('[', value.size());
        for (const Value& item : value) add(item);
        return;
      case Value::value_t::object:
        add_word('{', value.size());
        for (const auto& [key, item] : value.items()) {
          add_text('k', key);
          add(item);
        }
        return;
      case Value::value_t::boolean:
        add_word('b', value.get<bool>());
        return;
      default:
        add_word('n', 0);
    }
  }

  void add_text(char tag, std::string_view text) {
    add_word(tag, text.size());
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
  }

  std::uint64_t result() const {
    std::uint64_t h = hash_;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 33;
  }

 private:
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3u; }

  void add_word(char tag, std::uint64_t word) {
    add_byte(static_cast<unsigned char>(tag));
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(word >> shift));
  }

  // As doubles, so that 3 and 3.0 are one; integers beyond 2^53 by themselves.
  void add_number(const Value& value) {
    const double number = value.get<double>();
    if (value.is_number_integer() && std::abs(number) > 0x1p53) {
      add_word('i', value.get<std::uint64_t>());
    } else {
      add_word('d', std::bit_cast<std::uint64_t>(number + 0.0));
    }
  }

  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace

std::uint64_t hash_of(const Config& config) {
  Hasher hasher;
  for (const auto& [name, value] : config) {
    hasher.add_text('k', name);
    hasher.add(value);
  }
  return hasher.result();
}

// ---- what was tried

std::size_t TriedConfigs::place_of(std::uint64_t hash) const {
  __extension__ using Wide = unsigned __int128;
  auto place = static_cast<std::size_t>(static_cast<Wide>(hash) * places_.size() >> 64);
  while (places_[place] != 0 && places_[place] != hash) place = place + 1 == places_.size() ? 0 : place + 1;
  return place;
}

bool TriedConfigs::contains(std::uint64_t hash) const {
  return !places_.empty() && places_[place_of(std::max<std::uint64_t>(hash, 1))] != 0;
}

bool TriedConfigs::insert(std::uint64_t hash) {
  if (contains(hash)) return false;
  if ((size_ + 1) * 7 >
      places_.size() * 6) {  // six of seven places are taken at most, half of them at least once it has grown
    std::vector<std::uint64_t> before(std::max<std::size_t>(14, places_.size() * 5 / 3));
    before.swap(places_);
    for (const std::uint64_t old : before) {
      if (old != 0) places_[place_of(old)] = old;
    }
  }
  places_[place_of(std::max<std::uint64_t>(hash, 1))] = std::max<std::uint64_t>(hash, 1);
  ++size_;
  return true;
}

// ---- the sampler

OnceSampler::OnceSampler(std::unique_ptr<Sampler> inner, const SearchSpace& space, std::uint64_t sweep_seed,
                         const std::vector<Config>& by_hand)
    : inner_(std::move(inner)), space_(space), points_(space.count(SearchSpace::Listing::kAll)) {
  for (const Config& config : by_hand) {
    if (tried_.insert(hash_of(config))) by_hand_.push_back(config);
  }
  if (points_ > 0) offset_ = Draws(sweep_seed, 0, "once").below(std::min(points_, std::int64_t{1} << 52));
  size_ = count_trials();
}

std::int64_t OnceSampler::count_trials() const {
  const auto given = static_cast<std::int64_t>(by_hand_.size());
  const std::int64_t inner = inner_->size();
  if (inner_->repeats_configs()) return inner < 0 ? -1 : std::max(given, inner);
  if (inner >= 0) {
    std::int64_t again = 0;
    if (given > 0 && inner <= kMostWalked) {
      for (std::int64_t i = 0; i < inner; ++i) {
        const auto config = inner_->suggest(i);
        again += config && tried_.contains(hash_of(*config));
      }
    }
    return inner - again + given;
  }
  if (points_ < 0) return -1;
  const auto inside = std::count_if(by_hand_.begin(), by_hand_.end(), [&](const Config& config) {
    const auto point = space_.point_of(config);
    return point && hash_of(space_.config_at(*point)) == hash_of(config);
  });
  return points_ - inside + given;
}

std::int64_t OnceSampler::needs(std::int64_t number) const {
  return number < static_cast<std::int64_t>(by_hand_.size()) ? -1 : inner_->needs(number);
}

void OnceSampler::started(const Trial& trial) {
  announced_ = std::max(announced_, trial.number + 1);
  if (!inner_->repeats_configs()) tried_.insert(hash_of(trial.config));
  inner_->started(trial);
}

std::optional<Config> OnceSampler::propose(std::int64_t number, int attempt) {
  if (number < 0 || (size_ >= 0 && number >= size_)) return std::nullopt;
  if (number < static_cast<std::int64_t>(by_hand_.size()) && attempt == 0) {
    return by_hand_[static_cast<std::size_t>(number)];
  }
  if (inner_->repeats_configs()) return inner_->suggest(number, attempt);
  return inner_->size() >= 0 ? walk(number, attempt) : ask(number, attempt);
}

// The cursor counts the numbers of the inner sampler. A trial further ahead than those announced is as many numbers
// further on.
std::optional<Config> OnceSampler::walk(std::int64_t number, int attempt) {
  const auto given = static_cast<std::int64_t>(by_hand_.size());
  const auto is_tried = [&](std::int64_t i) {
    const auto config = inner_->suggest(i);
    return config && tried_.contains(hash_of(*config));
  };
  const std::int64_t end = inner_->size();
  while (cursor_ < end && is_tried(cursor_)) ++cursor_;
  std::int64_t at = cursor_ + std::max<std::int64_t>(0, number - std::max(announced_, given));
  for (int left = attempt;; ++at) {
    if (at < 0 || at >= end) return std::nullopt;
    if (is_tried(at)) continue;
    if (left-- == 0) return inner_->suggest(at);
  }
}

std::optional<Config> OnceSampler::ask(std::int64_t number, int attempt) {
  int left = attempt;
  std::set<std::uint64_t> offered;  // by the attempts before
  for (int asked = 0; asked < kAttempts; ++asked) {
    std::optional<Config> config = inner_->suggest(number, asked);
    if (!config) break;
    const std::uint64_t hash = hash_of(*config);
    if (tried_.contains(hash) || !offered.insert(hash).second) continue;
    if (left-- == 0) return config;
  }
  if (points_ >= 0) return first_untried(left, offered);
  return inner_->suggest(number, kAttempts + left);
}

std::optional<Config> OnceSampler::first_untried(int skipped, const std::set<std::uint64_t>& offered) {
  const auto listed = [&](std::int64_t i) {
    const std::int64_t index = i < points_ - offset_ ? offset_ + i : i - (points_ - offset_);
    return space_.config_number(SearchSpace::Listing::kAll, index);
  };
  for (; cursor_ < points_; ++cursor_) {
    if (!tried_.contains(hash_of(listed(cursor_)))) break;
  }
  for (std::int64_t i = cursor_; i < points_; ++i) {
    Config config = listed(i);
    const std::uint64_t hash = hash_of(config);
    if (!tried_.contains(hash) && !offered.contains(hash) && skipped-- == 0) return config;
  }
  return std::nullopt;
}

}  // namespace caviar
