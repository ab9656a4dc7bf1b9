// The recurrent classifier once more, as plain loops: no padding, no tiles, no windows, one multiply-add at a time in
// the order that kernels/README.md promises. The formulas of single units are those of kernels/math, which have oracles
// of their own; what this one holds fixed is the order of every sum, to the bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/base/window.h"
#include "kernels/math/recurrent.h"
#include "models/birnn.h"

namespace caviar::test {

class PlainBiRnn {
 public:
  PlainBiRnn(const BiRnnShape& shape, std::vector<float> params)
      : s_(shape), tensors_(BiRnn<Cpu>::params_of(shape)), params_(std::move(params)) {}

  // x: [T, B, D]. Returns logits [B, C] and keeps what backward() needs.
  std::vector<float> forward(const std::vector<float>& x, int rows) {
    rows_ = rows;
    inputs_ = {x};
    gates_.clear(), cells_.clear();
    for (int layer = 0; layer < s_.num_layers; ++layer) {
      std::vector<float> out(count(s_.steps) * count(rows) * width());
      for (int d = 0; d < s_.directions(); ++d) walk(layer, d, out);
      inputs_.push_back(std::move(out));
    }
    return head(read_out(inputs_.back()));
  }

  // From dL/dlogits [B, C] to the gradient [P].
  std::vector<float> backward(const std::vector<float>& grad_logits) {
    gradient_.assign(params_.size(), 0.0f);
    std::vector<float> grad = read_out_back(head_back(grad_logits));
    for (int layer = s_.num_layers - 1; layer >= 0; --layer) {
      std::vector<float> grad_x(inputs_[count(layer)].size());
      for (int d = 0; d < s_.directions(); ++d) walk_back(layer, d, grad, grad_x);
      grad = std::move(grad_x);
    }
    return gradient_;
  }

 private:
  static std::size_t count(int n) { return static_cast<std::size_t>(n); }
  std::size_t width() const { return count(s_.directions() * s_.hidden_size); }
  int gate_rows() const { return gate_count(s_.cell) * s_.hidden_size; }
  int features(int layer) const { return layer == 0 ? s_.features : static_cast<int>(width()); }
  int first_tensor(int layer, int d) const { return 4 * (layer * s_.directions() + d); }
  int time_of(int d, int step) const { return d == 1 ? s_.steps - 1 - step : step; }
  const float* tensor(int i) const { return params_.data() + tensors_[i].offset; }
  float* grad_of(int i) { return gradient_.data() + tensors_[i].offset; }

  // The reverse direction of the last layer has seen one step when out[:, -1] is read.
  int active_steps(int layer, int d) const {
    return layer == s_.num_layers - 1 && d == 1 && s_.readout == Readout::kLastStep ? 1 : s_.steps;
  }

  // sum over k of a[k] * b[k * stride], from +0 on.
  static float chain(const float* a, const float* b, int n, int stride) {
    float sum = 0;
    for (int k = 0; k < n; ++k) sum = std::fma(a[k], b[static_cast<std::ptrdiff_t>(k) * stride], sum);
    return sum;
  }

  const float* row(const std::vector<float>& values, int t, int b, std::size_t stride) const {
    return values.data() + (count(t) * count(rows_) + count(b)) * stride;
  }
  float* row(std::vector<float>& values, int t, int b, std::size_t stride) const {
    return values.data() + (count(t) * count(rows_) + count(b)) * stride;
  }

  // Gates [T, B, 4 H]: activated; gru keeps h_n in the fourth part.
  void walk(int layer, int d, std::vector<float>& out) {
    const int h = s_.hidden_size, first = first_tensor(layer, d), in = features(layer);
    gates_.emplace_back(count(s_.steps) * count(rows_) * count(4 * h));
    cells_.emplace_back(count(s_.steps) * count(rows_) * count(h));
    for (int step = 0; step < active_steps(layer, d); ++step) {
      const int t = time_of(d, step), before = step == 0 ? -1 : time_of(d, step - 1);
      for (int b = 0; b < rows_; ++b) {
        const std::vector<float> none(count(h));
        const float* x = row(inputs_[count(layer)], t, b, count(in));
        const float* h_before = before < 0 ? nullptr : row(out, before, b, width()) + d * h;
        const float* c_before = before < 0 ? none.data() : row(cells_.back(), before, b, count(h));
        std::vector<float> from_x(count(gate_rows())), from_h(count(gate_rows()));
        for (int g = 0; g < gate_rows(); ++g) {
          from_x[count(g)] = chain(x, tensor(first) + g * in, in, 1) + tensor(first + 2)[g];
          const float product = h_before ? chain(h_before, tensor(first + 1) + g * h, h, 1) : 0.0f;
          from_h[count(g)] = h_before ? product + tensor(first + 3)[g] : tensor(first + 3)[g];
        }
        unit_row(from_x, from_h, c_before, h_before ? h_before : none.data(), row(gates_.back(), t, b, count(4 * h)),
                 row(cells_.back(), t, b, count(h)), row(out, t, b, width()) + d * h);
      }
    }
  }

  void unit_row(const std::vector<float>& from_x, const std::vector<float>& from_h, const float* c_before,
                const float* h_before, float* gates, float* c, float* out) const {
    const int h = s_.hidden_size;
    for (int j = 0; j < h; ++j) {
      const auto pre = [&](int gate) { return from_x[count(gate * h + j)] + from_h[count(gate * h + j)]; };
      if (s_.cell == Cell::kLstm) {
        const LstmUnit<float> u = lstm_forward(pre(0), pre(1), pre(2), pre(3), c_before[j]);
        gates[j] = u.i, gates[h + j] = u.f, gates[2 * h + j] = u.g, gates[3 * h + j] = u.o;
        c[j] = u.c, out[j] = lstm_output(u.o, u.c);
      } else if (s_.cell == Cell::kGru) {
        const float h_n = from_h[count(2 * h + j)];
        const GruUnit<float> u = gru_forward(pre(0), pre(1), from_x[count(2 * h + j)], h_n, h_before[j]);
        gates[j] = u.r, gates[h + j] = u.z, gates[2 * h + j] = u.n, gates[3 * h + j] = h_n;
        out[j] = u.h;
      } else {
        out[j] = s_.cell == Cell::kRnnTanh ? rnn_tanh_forward(pre(0)) : rnn_relu_forward(pre(0));
      }
    }
  }

  int time_read(int d) const { return s_.readout == Readout::kFinalStates && d == 1 ? 0 : s_.steps - 1; }

  std::vector<float> read_out(const std::vector<float>& out) const {
    std::vector<float> read(count(rows_) * width());
    for (int b = 0; b < rows_; ++b) {
      for (std::size_t j = 0; j < width(); ++j) {
        float& value = read[count(b) * width() + j];
        if (s_.readout != Readout::kMean) {
          value = row(out, time_read(static_cast<int>(j) / s_.hidden_size), b, width())[j];
          continue;
        }
        for (int t = 0; t < s_.steps; ++t) value += row(out, t, b, width())[j];
        value /= static_cast<float>(s_.steps);
      }
    }
    return read;
  }

  std::vector<float> read_out_back(const std::vector<float>& grad) const {
    std::vector<float> back(count(s_.steps) * count(rows_) * width());
    for (int t = 0; t < s_.steps; ++t) {
      for (int b = 0; b < rows_; ++b) {
        for (std::size_t j = 0; j < width(); ++j) {
          const float g = grad[count(b) * width() + j];
          const bool read = t == time_read(static_cast<int>(j) / s_.hidden_size);
          row(back, t, b, width())[j] =
              s_.readout == Readout::kMean ? g / static_cast<float>(s_.steps) : (read ? g : 0.0f);
        }
      }
    }
    return back;
  }

  std::vector<float> head(std::vector<float> read) {
    read_ = std::move(read);
    const int fc = 4 * s_.num_layers * s_.directions(), w = static_cast<int>(width());
    std::vector<float> logits;
    for (int b = 0; b < rows_; ++b) {
      for (int k = 0; k < s_.classes; ++k) {
        logits.push_back(chain(read_.data() + b * w, tensor(fc) + k * w, w, 1) + tensor(fc + 1)[k]);
      }
    }
    return logits;
  }

  std::vector<float> head_back(const std::vector<float>& grad_logits) {
    const int fc = 4 * s_.num_layers * s_.directions(), w = static_cast<int>(width());
    std::vector<float> grad;
    for (int b = 0; b < rows_; ++b) {
      for (int j = 0; j < w; ++j) {
        grad.push_back(chain(grad_logits.data() + b * s_.classes, tensor(fc) + j, s_.classes, w));
      }
    }
    for (int k = 0; k < s_.classes; ++k) {
      const auto of_row = [&](int, int b) { return grad_logits[count(b * s_.classes + k)]; };
      for (int j = 0; j < w; ++j) {
        blocks(grad_of(fc)[k * w + j], 1, of_row, [&](int, int b) { return read_[count(b * w + j)]; });
      }
      blocks(grad_of(fc + 1)[k], 1, of_row, [](int, int) { return 1.0f; });
    }
    return grad;
  }

  // total += for every block of 16 rows one chain of a(s, b) * c(s, b): s = steps - 1 .. 0, inside it b ascending.
  template <class A, class C>
  void blocks(float& total, int steps, A a, C c) const {
    for (int b0 = 0; b0 < rows_; b0 += kRowBlock) {
      float sum = 0;
      for (int s = steps - 1; s >= 0; --s) {
        for (int b = b0; b < std::min(b0 + kRowBlock, rows_); ++b) sum = std::fma(a(s, b), c(s, b), sum);
      }
      total += sum;
    }
  }

  // Replaces gates by gradients before the activations; gru: r, z, x_n, h_n.
  void walk_back(int layer, int d, std::vector<float>& grad_h, std::vector<float>& grad_x) {
    const int h = s_.hidden_size, index = layer * s_.directions() + d, first = first_tensor(layer, d);
    std::vector<float>& gates = gates_[count(index)];
    const std::vector<float>& out = inputs_[count(layer + 1)];
    std::vector<float> grad_c(count(rows_ * h));
    for (int step = active_steps(layer, d) - 1; step >= 0; --step) {
      const int t = time_of(d, step), before = step == 0 ? -1 : time_of(d, step - 1);
      for (int b = 0; b < rows_; ++b) {
        const std::vector<float> none(count(h));
        const float* h_before = before < 0 ? none.data() : row(out, before, b, width()) + d * h;
        const float* c_before = before < 0 ? none.data() : row(cells_[count(index)], before, b, count(h));
        std::vector<float> direct(count(h));
        unit_row_back(row(gates, t, b, count(4 * h)), c_before, row(cells_[count(index)], t, b, count(h)), h_before,
                      row(out, t, b, width()) + d * h, row(grad_h, t, b, width()) + d * h, grad_c.data() + b * h,
                      direct.data());
        if (before < 0) continue;
        float* grad_before = row(grad_h, before, b, width()) + d * h;
        const std::vector<float> hidden = hidden_part(row(gates, t, b, count(4 * h)));
        for (int j = 0; j < h; ++j) {
          if (s_.cell == Cell::kGru) grad_before[j] += direct[count(j)];
          grad_before[j] += chain(hidden.data(), tensor(first + 1) + j, gate_rows(), h);
        }
      }
    }
    weight_gradients(layer, d, gates);
    if (layer > 0) input_gradient(layer, d, gates, grad_x);
  }

  void unit_row_back(float* gates, const float* c_before, const float* c, const float* h_before, const float* out,
                     const float* grad_h, float* grad_c, float* direct) const {
    const int h = s_.hidden_size;
    for (int j = 0; j < h; ++j) {
      float &g0 = gates[j], &g1 = gates[h + j], &g2 = gates[2 * h + j], &g3 = gates[3 * h + j];
      if (s_.cell == Cell::kLstm) {
        const LstmGradient<float> u = lstm_backward(g0, g1, g2, g3, c_before[j], c[j], grad_h[j], grad_c[j]);
        g0 = u.i, g1 = u.f, g2 = u.g, g3 = u.o, grad_c[j] = u.c;
      } else if (s_.cell == Cell::kGru) {
        const GruGradient<float> u = gru_backward(g0, g1, g2, g3, h_before[j], grad_h[j]);
        g0 = u.r, g1 = u.z, g2 = u.x_n, g3 = u.h_n, direct[j] = u.h;
      } else {
        g0 = s_.cell == Cell::kRnnTanh ? rnn_tanh_backward(out[j], grad_h[j]) : rnn_relu_backward(out[j], grad_h[j]);
      }
    }
  }

  // What W_hh's gradient sees of a row of gates, in PyTorch's order: gru's third is dL/dh_n.
  std::vector<float> hidden_part(const float* gates) const {
    std::vector<float> part(gates, gates + gate_rows());
    if (s_.cell == Cell::kGru)
      std::copy_n(gates + 3 * s_.hidden_size, s_.hidden_size, part.begin() + 2 * s_.hidden_size);
    return part;
  }

  void weight_gradients(int layer, int d, const std::vector<float>& gates) {
    const int h = s_.hidden_size, first = first_tensor(layer, d), in = features(layer), steps = active_steps(layer, d);
    const std::vector<float>&x = inputs_[count(layer)], &out = inputs_[count(layer + 1)];
    const auto one = [](int, int) { return 1.0f; };
    for (int g = 0; g < gate_rows(); ++g) {
      const auto of_input = [&](int s, int b) { return row(gates, time_of(d, s), b, count(4 * h))[g]; };
      const int kept_apart = s_.cell == Cell::kGru && g >= 2 * h ? h : 0;
      const auto of_hidden = [&](int s, int b) { return row(gates, time_of(d, s), b, count(4 * h))[g + kept_apart]; };
      for (int j = 0; j < in; ++j) {
        blocks(grad_of(first)[g * in + j], steps, of_input,
               [&](int s, int b) { return row(x, time_of(d, s), b, count(in))[j]; });
      }
      for (int j = 0; j < h && steps > 1; ++j) {  // no term at step 0, where the state before is zero
        blocks(
            grad_of(first + 1)[g * h + j], steps - 1, [&](int s, int b) { return of_hidden(s + 1, b); },
            [&](int s, int b) { return row(out, time_of(d, s), b, width())[d * h + j]; });
      }
      blocks(grad_of(first + 2)[g], steps, of_input, one);
      blocks(grad_of(first + 3)[g], steps, of_hidden, one);
    }
  }

  void input_gradient(int layer, int d, const std::vector<float>& gates, std::vector<float>& grad_x) const {
    const int in = features(layer);
    for (int s = 0; s < active_steps(layer, d); ++s) {
      for (int b = 0; b < rows_; ++b) {
        const float* from = row(gates, time_of(d, s), b, count(4 * s_.hidden_size));
        float* to = row(grad_x, time_of(d, s), b, count(in));
        for (int j = 0; j < in; ++j) to[j] += chain(from, tensor(first_tensor(layer, d)) + j, gate_rows(), in);
      }
    }
  }

  BiRnnShape s_;
  Params tensors_;
  std::vector<float> params_, gradient_, read_;
  int rows_ = 0;
  std::vector<std::vector<float>> inputs_;         // of layer 0, 1, ..., and the last layer's output
  std::vector<std::vector<float>> gates_, cells_;  // by layer * directions + direction
};

}  // namespace caviar::test
