// A recurrent layer computed with numbers that carry a bound of their own error: what the mixed precision may differ by
// from the CPU's fp32 op, element by element.
//
// The bound is not a tolerance somebody chose. Through all steps and back, every value takes up
//
//   rounded to a half          |v| 2^-11, or 2^-25 where that is more (subnormal): x, h and W as operands, gates in the
//                              stash. A gate gradient is rounded after the scale: there 2^-25 / scale
//   a sum, a product           e_a + e_b; |a| e_b + |b| e_a + e_a e_b; a matrix product adds them up over all its terms
//   sigmoid, tanh              their steepest slope within the bound, times it
//   float arithmetic           2^-22 of every result (roundings on both devices, the 3 ulp of tanh); in a matrix
//   product
//                              2^-21 of the sum of magnitudes for every 16 terms, which a tensor core may add coarsely
//
// What comes out is the worst case, all roundings conspiring. Real errors stay well below it, and mistakes above: a
// reference that makes one on purpose (Mistake) must not be met.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/math/recurrent.h"
#include "tests/cuda_kernels/recurrent_mixed_test.h"

namespace caviar::test {

// A value and what its counterparts on two devices may differ by.
struct Bounded {
  double v = 0, e = 0;
  Bounded() = default;
  Bounded(double value, double error = 0) : v(value), e(error) {}  // NOLINT(google-explicit-constructor): a number
};

inline Bounded rounded(double v, double e) { return {v, e + std::fabs(v) * 0x1p-22}; }
inline Bounded operator+(Bounded a, Bounded b) { return rounded(a.v + b.v, a.e + b.e); }
inline Bounded operator-(Bounded a, Bounded b) { return rounded(a.v - b.v, a.e + b.e); }
inline Bounded operator-(Bounded a) { return {-a.v, a.e}; }
inline Bounded operator*(Bounded a, Bounded b) {
  return rounded(a.v * b.v, std::fabs(a.v) * b.e + std::fabs(b.v) * a.e + a.e * b.e);
}
inline Bounded fma_of(Bounded a, Bounded b, Bounded c) { return a * b + c; }

// The point within the bound that is nearest 0, where sigmoid and tanh are steepest.
inline double nearest_zero(Bounded x) { return std::max(std::fabs(x.v) - x.e, 0.0); }
inline Bounded sigmoid(Bounded x) {
  const double at = 1 / (1 + std::exp(-nearest_zero(x)));
  return rounded(1 / (1 + std::exp(-x.v)), at * (1 - at) * x.e);
}
inline Bounded tanh_of(Bounded x) {
  const double at = std::tanh(nearest_zero(x));
  return rounded(std::tanh(x.v), (1 - at * at) * x.e);
}

// x as a half, multiplied by `scale` while it is one.
inline Bounded as_half(Bounded x, double scale = 1) {
  return {x.v, x.e + std::max((std::fabs(x.v) + x.e) * 0x1p-11, 0x1p-25 / scale)};
}

// One output of a matrix product.
class Chain {
 public:
  explicit Chain(Bounded first) : sum_(first), magnitude_(std::fabs(first.v)) {}
  void add(Bounded a, Bounded b) {
    sum_.v += a.v * b.v;
    sum_.e += std::fabs(a.v) * b.e + std::fabs(b.v) * a.e + a.e * b.e;
    magnitude_ += (std::fabs(a.v) + a.e) * (std::fabs(b.v) + b.e);
    ++terms_;
  }
  Bounded total() const { return {sum_.v, sum_.e + magnitude_ * (terms_ / 16 + 2) * 0x1p-21}; }

 private:
  Bounded sum_;
  double magnitude_;
  int terms_ = 0;
};

// What a kernel could do wrong.
enum class Mistake {
  kNone,
  kGatesSwapped,       // the first two gates change places (of rnn, the first two units)
  kRowBefore,          // a row reads the x of the row before it
  kHiddenBiasMissing,  // b_hh
  kStateLost,          // the last step begins from zero again
  kScaleKept,          // a factor of two of the gradients' scale stays
  kDeadRowsCount,      // rows beyond the slot's count take part in the weight gradients
  kDirectPathMissing,  // gru's z h or lstm's dL/dc is not carried back; of rnn, the path through W_hh
};

// One direction of one slot, forward and backward.
class Reference {
 public:
  Reference(const LayerShape& shape, const LayerArrays& in, const SlotRow& row, int slot, int direction,
            Mistake mistake = Mistake::kNone)
      : s_(shape), in_(in), row_(row), slot_(slot), d_(direction), mistake_(mistake) {
    const std::size_t places = static_cast<std::size_t>(s_.steps) * static_cast<std::size_t>(s_.batch);
    const auto sized = [&](std::size_t n, int width) { return Array(n * static_cast<std::size_t>(width)); };
    h_ = sized(places, s_.hidden);
    c_ = sized(places, s_.hidden);
    stash_ = sized(places, 4 * s_.hidden);
    grad_x_ = sized(places, s_.features());
    for (int b = 0; b < row_.rows; ++b)
      for (int step = 0; step < s_.active[d_]; ++step) forward(step, b);
    for (int b = 0; b < row_.rows; ++b) backward(b);
    differentiate_weights();
  }

  Bounded h(int t, int b, int j) const { return h_[at(t, b, j, s_.hidden)]; }
  // The share of this direction.
  Bounded grad_x(int t, int b, int k) const { return grad_x_[at(t, b, k, s_.features())]; }
  // By row g H + j of the weights.
  Bounded grad_input_weight(int row, int k) const { return grad_input_weight_[flat(row, k, s_.features())]; }
  Bounded grad_hidden_weight(int row, int k) const { return grad_hidden_weight_[flat(row, k, s_.hidden)]; }
  Bounded grad_input_bias(int row) const { return grad_input_bias_[flat(row, 0, 1)]; }
  Bounded grad_hidden_bias(int row) const { return grad_hidden_bias_[flat(row, 0, 1)]; }

  int time_of(int step) const { return d_ == 1 ? s_.steps - 1 - step : step; }

 private:
  using Array = std::vector<Bounded>;

  std::size_t flat(int row, int k, int width) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(k);
  }
  std::size_t at(int t, int b, int j, int width) const { return flat(t * s_.batch + b, j, width); }
  double scale() const { return gradient_scale(row_.batch_size); }
  bool is(Mistake m) const { return mistake_ == m; }

  double weight(LayerArrays::OfDirection array, int g, int j, int k) const {
    if (is(Mistake::kGatesSwapped)) {
      if (s_.gates() == 1 && j < 2) j = 1 - j;
      if (s_.gates() > 1 && g < 2) g = 1 - g;
    }
    return element(in_.of(d_, array), slot_, 0, g * s_.hidden + j, k);
  }
  double x(int t, int b, int k) const {
    const Segments inputs = s_.inputs();
    const int from = is(Mistake::kRowBefore) ? std::max(b - 1, 0) : b;
    return element(in_[LayerArrays::kX], slot_, t, from, inputs.offset[k / inputs.length] + k % inputs.length);
  }
  double hidden_bias(int g, int j) const {
    return is(Mistake::kHiddenBiasMissing) ? 0.0 : weight(LayerArrays::kHiddenBias, g, j, 0);
  }
  // The state before a step; zero before the first.
  Bounded before(const Array& states, int step, int b, int j) const {
    if (step == 0 || (is(Mistake::kStateLost) && step + 1 == s_.active[d_])) return 0;
    return states[at(time_of(step - 1), b, j, s_.hidden)];
  }
  // Segment of the stash that W_hh's product with gate g belongs to.
  int of_hidden(int g) const { return s_.cell == Cell::kGru && g == 2 ? 3 : g; }

  void forward(int step, int b) {
    const int t = time_of(step);
    for (int j = 0; j < s_.hidden; ++j) {
      Bounded sums[4];
      for (int g = 0; g < s_.gates(); ++g) {
        const bool apart = s_.cell == Cell::kGru && g == 2;
        const Bounded input_bias = weight(LayerArrays::kInputBias, g, j, 0);
        Chain input(apart ? input_bias : input_bias + hidden_bias(g, j)), hidden(hidden_bias(g, j));
        for (int k = 0; k < s_.features(); ++k)
          input.add(as_half(x(t, b, k)), as_half(weight(LayerArrays::kInputWeight, g, j, k)));
        for (int k = 0; k < s_.hidden; ++k)
          (apart ? hidden : input)
              .add(as_half(before(h_, step, b, k)), as_half(weight(LayerArrays::kHiddenWeight, g, j, k)));
        sums[g] = input.total();
        if (apart) sums[3] = hidden.total();
      }
      activate(step, b, j, sums);
    }
  }

  void activate(int step, int b, int j, const Bounded (&sums)[4]) {
    const int t = time_of(step);
    Bounded* const stash = &stash_[at(t, b, 4 * j, 4 * s_.hidden)];
    Bounded& h = h_[at(t, b, j, s_.hidden)];
    if (s_.cell == Cell::kLstm) {
      const LstmUnit<Bounded> u = lstm_forward(sums[0], sums[1], sums[2], sums[3], before(c_, step, b, j));
      h = lstm_output(u.o, c_[at(t, b, j, s_.hidden)] = u.c);
      const Bounded gates[] = {u.i, u.f, u.g, u.o};
      for (int g = 0; g < 4; ++g) stash[g] = as_half(gates[g]);
    } else if (s_.cell == Cell::kGru) {
      const GruUnit<Bounded> u = gru_forward(sums[0], sums[1], sums[2], sums[3], before(h_, step, b, j));
      h = u.h;
      const Bounded gates[] = {u.r, u.z, u.n, sums[3]};
      for (int g = 0; g < 4; ++g) stash[g] = as_half(gates[g]);
    } else {
      h = rnn_tanh_forward(sums[0]);
    }
  }

  // All steps of a row back; the stash becomes the gradients before the activations.
  void backward(int b) {
    const std::size_t units = static_cast<std::size_t>(s_.hidden);
    Array from_next(units), direct(units);
    for (int step = s_.active[d_] - 1; step >= 0; --step) {
      const int t = time_of(step);
      for (int j = 0; j < s_.hidden; ++j) {
        const std::size_t i = static_cast<std::size_t>(j);
        const Bounded above = element(in_[LayerArrays::kGradH], slot_, t, b, d_ * padded(s_.hidden) + j);
        differentiate(step, b, j, above + from_next[i], direct[i]);
        if (is(Mistake::kDirectPathMissing)) direct[i] = 0;
      }
      for (int j = 0; j < s_.hidden; ++j) {
        Chain back(0);
        for (int g = 0; g < s_.gates(); ++g)
          for (int u = 0; u < s_.hidden; ++u)
            back.add(gradient(t, b, of_hidden(g), u), as_half(weight(LayerArrays::kHiddenWeight, g, u, j)));
        const bool missing = is(Mistake::kDirectPathMissing) && s_.gates() == 1;
        from_next[static_cast<std::size_t>(j)] = missing ? Bounded(0) : back.total();
      }
      for (int k = 0; k < s_.features(); ++k) {
        Chain back(0);
        for (int g = 0; g < s_.gates(); ++g)
          for (int u = 0; u < s_.hidden; ++u)
            back.add(gradient(t, b, g, u), as_half(weight(LayerArrays::kInputWeight, g, u, k)));
        grad_x_[at(t, b, k, s_.features())] = leave(back.total());
      }
    }
  }

  Bounded& gradient(int t, int b, int segment, int j) { return stash_[at(t, b, 4 * j + segment, 4 * s_.hidden)]; }
  // What leaves the op is divided by the scale.
  Bounded leave(Bounded x) const { return is(Mistake::kScaleKept) ? x + x : x; }

  // direct: lstm's dL/dc, gru's path z h; becomes that of the step before.
  void differentiate(int step, int b, int j, Bounded grad_h, Bounded& direct) {
    const int t = time_of(step);
    Bounded* const stash = &gradient(t, b, 0, j);
    const Bounded h = h_[at(t, b, j, s_.hidden)];
    if (s_.cell == Cell::kLstm) {
      const LstmGradient<Bounded> u = lstm_backward(stash[0], stash[1], stash[2], stash[3], before(c_, step, b, j),
                                                    c_[at(t, b, j, s_.hidden)], grad_h, direct);
      const Bounded gates[] = {u.i, u.f, u.g, u.o};
      for (int g = 0; g < 4; ++g) stash[g] = as_half(gates[g], scale());
      direct = u.c;
    } else if (s_.cell == Cell::kGru) {
      const GruGradient<Bounded> u =
          gru_backward(stash[0], stash[1], stash[2], stash[3], before(h_, step, b, j), grad_h + direct);
      const Bounded gates[] = {u.r, u.z, u.x_n, u.h_n};
      for (int g = 0; g < 4; ++g) stash[g] = as_half(gates[g], scale());
      direct = u.h;
    } else {
      stash[0] = as_half(rnn_tanh_backward(h, grad_h), scale());
    }
  }

  void differentiate_weights() {
    const int rows = is(Mistake::kDeadRowsCount) ? s_.batch : row_.rows;
    for (int g = 0; g < s_.gates(); ++g)
      for (int j = 0; j < s_.hidden; ++j) {
        Chain input_bias(0), hidden_bias(0);
        std::vector<Chain> input(static_cast<std::size_t>(s_.features()), Chain(0));
        std::vector<Chain> hidden(static_cast<std::size_t>(s_.hidden), Chain(0));
        for (int step = 0; step < s_.active[d_]; ++step)
          for (int b = 0; b < rows; ++b) {
            const int t = time_of(step), alive = std::min(b, row_.rows - 1);
            const Bounded of_input = gradient(t, alive, g, j), to_hidden = gradient(t, alive, of_hidden(g), j);
            input_bias.add(of_input, 1);
            hidden_bias.add(to_hidden, 1);
            for (int k = 0; k < s_.features(); ++k)
              input[static_cast<std::size_t>(k)].add(of_input, as_half(x(t, alive, k)));
            for (int k = 0; k < s_.hidden && step > 0; ++k)
              hidden[static_cast<std::size_t>(k)].add(to_hidden, as_half(before(h_, step, alive, k)));
          }
        grad_input_bias_.push_back(leave(input_bias.total()));
        grad_hidden_bias_.push_back(leave(hidden_bias.total()));
        for (const Chain& c : input) grad_input_weight_.push_back(leave(c.total()));
        for (const Chain& c : hidden) grad_hidden_weight_.push_back(leave(c.total()));
      }
  }

  const LayerShape& s_;
  const LayerArrays& in_;
  const SlotRow& row_;
  int slot_, d_;
  Mistake mistake_;
  Array h_, c_, stash_;  // stash: [t][b][unit][4], gates, then their gradients
  Array grad_x_, grad_input_weight_, grad_hidden_weight_, grad_input_bias_, grad_hidden_bias_;
};

}  // namespace caviar::test
