// CMA-ES over a space: generations that learn which way, and in which directions together, things get better. For some
// hundred trials and more, of few to some dozen parameters that matter together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "tuner/sampler.h"
#include "tuner/samplers/cma.h"
#include "tuner/space.h"

namespace caviar {

// What every kind of parameter is to it, all in the coordinates u of the unit cube:
//
//   - Continuous: a coordinate of the normal distribution of cma.h, mirrored at 0 and 1 when a trial is drawn (u of x
//     is the distance from x to the nearest even number). The strategy sees the mirrored, endless objective: no trial
//     is lost at a bound, and none is drawn to it.
//   - Ordered: a coordinate cut to [0, 1), with a margin: every neighbour of the mean's level keeps a chance (Hamano et
//     al. 2022, see cma.h; alpha = 1 / (population x parameters)), so a step size below a level's width is no end.
//   - Categorical: not in the normal distribution. Each has chances p of its values, drawn independently, that move by
//     p += (c_1 + c_mu) (sum of the parents' weights on each value - p): the same step as C makes, along the natural
//     gradient (Akimoto et al. 2010; Baluja 1994 with ranks), c_1 and c_mu for the sum of coordinates and of values but
//     one. Afterwards no chance is below (1 - 0.73^(1/N)) / (K - 1), N categorical parameters of which this has K
//     values: the margin of CatCMA (Hamano et al. 2024). They start as the parameter's law.
//   - Conditional: drawn for every trial; where a parameter has no place it is noise that selection does not see.
//
// Generations and the window. Block b is trials b p .. b p + p - 1, p the population. With a window of 1 every block is
// a generation and needs the one before. With a window w, a block may only use results of trials below its first less
// w - 1; so there are L = 1 + ceil((w - 1) / p) searches side by side that take turns, block b belonging to search
// b mod L and needing block b - L. Each is a whole CMA-ES of its own and knows nothing of the others. The default p is
// the tutorial's 4 + floor(3 ln n), n parameters, or w - 1 if that is more, so at most two searches: with the wide
// windows a GPU wants, generations are large and few. With `wait` there is one search whatever the window: slots idle
// while a generation's last trials run, and fewer trials are needed (measured on functions of 5 parameters with a
// window of 16 and the default population, 15: 500 trials of one search are about as good as 1,000 of two).
// Otherwise give a small window where trials are fewer than some thousand.
//
// Starts. The first search starts in the middle of the cube, or at the best observation of earlier studies; the others
// at random; sigma = 0.3. A search starts anew, at random and with twice the population (IPOP; Auger, Hansen 2005; a
// generation is then 2, 4, ... of its blocks), when the largest deviation of a continuous parameter is below 1e-7 of
// its width or above 10 times it, the condition of C exceeds 1e14, or the best losses of 10 + 30 n / p generations
// differ by 1e-12 at most. After a generation in which all diverged it starts anew with the population as it was.
//
// A generation's trials are independent draws, different whatever is pending; further attempts at a trial are further
// draws. Trials given by hand count in their generation like any other, by where they lie, shortened as injected
// solutions are (Hansen 2011); so do those whose draw is no longer known because a scheduler let later blocks start
// before a generation was over. Diverged trials rank last.
//
// Memory: the trials of unfinished generations, and 4 x 8 n^2 bytes a search. A generation costs O(n^3).
class CmaEsSampler final : public Sampler {
 public:
  struct Settings {
    std::int64_t population = 0;  // 0: by the rule above; else >= 4
    double sigma = 0.3;           // > 0, in units of the cube
    std::int64_t window = 1;      // >= 1
    bool wait = false;            // one search, whatever the window
  };

  CmaEsSampler(const SearchSpace& space, std::uint64_t sweep_seed, const Settings& settings);
  ~CmaEsSampler() override;

  std::int64_t needs(std::int64_t number) const override;
  bool learns_from_priors() const override { return false; }
  void tell(const TrialResult& result) override;

  std::int64_t population() const { return population_; }
  std::int64_t searches() const { return static_cast<std::int64_t>(searches_.size()); }
  std::int64_t restarts(std::int64_t search) const;

 private:
  struct Search;
  struct Draw;
  struct Told;

  std::optional<Config> propose(std::int64_t number, int attempt) override;

  std::int64_t search_of(std::int64_t number) const { return number / population_ % searches(); }
  Search& started_search(std::int64_t index);
  void start(std::int64_t index, Search& search) const;
  Draw draw(const Search& search, std::int64_t number, int attempt) const;
  Draw placed(const Search& search, const Point& point) const;
  Config config_of(const Search& search, const Draw& draw) const;
  std::optional<Draw> recovered(const Search& search, const Told& told) const;
  void end_generation(std::int64_t index, Search& search) const;
  void learn_categories(Search& search, const std::vector<Draw>& best_first, std::size_t finite) const;
  void keep_margins(Search& search) const;
  bool is_stuck(Search& search, double best) const;

  SearchSpace space_;
  std::uint64_t sweep_seed_;
  double sigma_;
  std::int64_t population_;
  std::vector<std::size_t> numeric_;                // parameters that are coordinates, ordered and continuous
  std::vector<std::size_t> categorical_;            // parameters that are chances
  std::vector<std::vector<double>> places_;         // [categorical, values]: the middle of each value's places
  std::vector<std::vector<double>> first_chances_;  // [categorical, values]
  double category_rate_ = 0;
  std::vector<std::unique_ptr<Search>> searches_;  // empty until first asked for
  std::optional<Point> best_before_;               // of earlier studies
  double best_loss_before_ = 0;
};

}  // namespace caviar
