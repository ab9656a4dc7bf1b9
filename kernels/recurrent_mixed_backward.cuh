// Backpropagation through time in mixed precision: one kernel walks all steps back (kernels/recurrent_mixed.h).
#pragma once

#include "kernels/base/half.h"
#include "kernels/base/mma.h"
#include "kernels/base/shared.h"
#include "kernels/math/recurrent.h"
#include "kernels/recurrent_mixed_tile.cuh"

namespace caviar::mixed {

// One block's walk: kRows rows of one direction of one slot.
template <class R>
class Backward {
 public:
  __device__ Backward(const RecurrentArgs& args, const Direction& direction, int slot)
      : a_(args),
        d_(direction),
        batch_(args.window.rows()),
        hp_(padded(args.hidden)),
        first_row_(static_cast<int>(blockIdx.x) * R::kRows),
        live_(args.rows[slot].rows),
        scale_(gradient_scale(args.rows[slot].batch_size)),
        inverse_(1.0f / scale_) {}

  __device__ void run() {
    if constexpr (R::kResident) load_weights_once();
    for (int s = d_.active_steps - 1; s >= 0; --s) {
      // What the step reads is on its way while the product below is formed, where registers can take it.
      Step step[2];
      if constexpr (R::kPrefetches) load_step(s, 0, step);
      Outputs products[R::kRowTiles] = {};
      if (s + 1 < d_.active_steps) {
        meet<R>();  // the gate gradients of step s + 1 are there
        multiply(s + 1, products);
        if constexpr (R::kGradientBuffers == 1) meet<R>();  // and read
      }
#pragma unroll
      for (int m = 0; m < R::kRowTiles; ++m) {
        if constexpr (!R::kPrefetches) load_step(s, m, step);
        finish_step(s, m, step, products[m]);
      }
    }
  }

 private:
  // What a row's four units bring to a step.
  struct Step {
    uint2 gates[R::kSums];
    float4 grad_h, before;  // before: lstm's c, gru's h of the step before; of rnn h of the step itself
  };

  __device__ int time_of(int s) const { return d_.reverse ? a_.steps - 1 - s : s; }
  __device__ int row_of(int m, int u) const { return first_row_ + 16 * m + 8 * u + lane_.group; }
  __device__ bool is_valid(int m, int u) const { return row_of(m, u) < live_ && lane_.unit < hp_; }
  __device__ std::int64_t at(int s, int m, int u) const {
    return static_cast<std::int64_t>(time_of(s)) * batch_ + row_of(m, u);
  }
  __device__ Half* stash(std::int64_t row) const {
    return reinterpret_cast<Half*>(d_.gates) + row * 2 * a_.gates_width + lane_.unit;
  }
  __device__ uint4* gradient(int s, int m, int g, int tile) const {
    return dynamic_shared<uint4>() +
           (((s % R::kGradientBuffers * R::kRowTiles + m) * R::kGates + g) * R::kTiles + tile) * 32 + lane_.lane;
  }

  // W_hh^T into registers, 16 of its rows at a time by way of shared memory: read in whole rows, and no more of it on
  // its way than the registers that are still free can take. There a row lies at its place as an inner index, a column
  // where its output is: unit 2n + j of 16 in column n of tile j.
  __device__ void load_weights_once() {
    constexpr int kStride = R::kHidden + 8, kRowsAtOnce = R::kThreads / R::kHidden;
    const int column = static_cast<int>(threadIdx.x) % R::kHidden, row0 = static_cast<int>(threadIdx.x) / R::kHidden;
    const int output = column / 16 * 16 + column % 2 * 8 + column % 16 / 2;
#pragma unroll
    for (int g = 0; g < R::kGates; ++g)
#pragma unroll
      for (int tile = 0; tile < R::kTiles; ++tile) {
        Half* const stage = dynamic_shared<Half>() + (g * R::kTiles + tile) % 2 * 16 * kStride;
#pragma unroll
        for (int i = 0; i < 16; i += kRowsAtOnce) {
          const int row = row0 + i, unit = 16 * tile + row;
          const bool exists = unit < a_.hidden && column < a_.hidden;
          const float w = exists ? d_.hidden_weight[(g * a_.hidden + unit) * a_.hidden + column] : 0.0f;
          stage[place_in_tile(row) * kStride + output] = to_half(w);
        }
        meet<R>();
        std::uint32_t both[4];
        ldmatrix_trans<4>(both, stage + (lane_.lane % 16) * kStride + 16 * lane_.warp + lane_.lane / 16 * 8);
#pragma unroll
        for (int i = 0; i < 4; ++i) weights_[g][tile][i / 2][i % 2] = both[i];
      }
    meet<R>();
  }

  __device__ void load_step(int s, int m, Step (&step)[2]) const {
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      Step& out = step[u];
      out.grad_h = out.before = zero4();
#pragma unroll
      for (int g = 0; g < R::kSums; ++g) out.gates[g] = make_uint2(0, 0);
      if (!is_valid(m, u)) continue;
      // Nothing is known of the padding of grad_h.
      out.grad_h = first_of(load4(d_.grad_h + at(s, m, u) * a_.h_width + lane_.unit), a_.hidden - lane_.unit);
      if constexpr (R::kFamily == Family::kRnn) {
        out.before = load4(d_.h + at(s, m, u) * a_.h_width + lane_.unit);
      } else {
#pragma unroll
        for (int g = 0; g < R::kSums; ++g) out.gates[g] = *reinterpret_cast<const uint2*>(stash(at(s, m, u)) + g * hp_);
        if (s > 0) out.before = state(s - 1, m, u);
      }
    }
  }

  // lstm's c, gru's h after step s.
  __device__ float4 state(int s, int m, int u) const {
    const std::int64_t row = at(s, m, u);
    return R::kFamily == Family::kLstm ? load4(d_.cells + row * hp_ + lane_.unit)
                                       : load4(d_.h + row * a_.h_width + lane_.unit);
  }

  // products = W_hh^T times the gate gradients of step s. In registers: one chain for each gate, as many as keep the
  // tensor cores busy, added in a fixed order.
  __device__ void multiply(int s, Outputs (&products)[R::kRowTiles]) const {
    if constexpr (R::kResident) {
      Outputs sums[R::kGates] = {};
#pragma unroll
      for (int tile = 0; tile < R::kTiles; ++tile)
#pragma unroll
        for (int g = 0; g < R::kGates; ++g)
          add_product(sums[g], R::kWarps == 1 ? own_gradient_[g] : load_fragment(gradient(s, 0, g, tile)),
                      weights_[g][tile]);
#pragma unroll
      for (int g = 0; g < R::kGates; ++g)
#pragma unroll
        for (int i = 0; i < 8; ++i) products[0][i / 4][i % 4] += sums[g][i / 4][i % 4];
    } else {
#pragma unroll 1
      for (int g = 0; g < R::kGates; ++g)
#pragma unroll 2
        for (int tile = 0; tile < R::kTiles; ++tile) {
          std::uint32_t b[2][2];
          load_columns(d_.hidden_weight, a_.hidden, g, lane_, tile, b);
#pragma unroll
          for (int m = 0; m < R::kRowTiles; ++m) add_product(products[m], load_fragment(gradient(s, m, g, tile)), b);
        }
    }
  }

  __device__ static void unpack(float4 v, float (&out)[4]) {
    out[0] = v.x;
    out[1] = v.y;
    out[2] = v.z;
    out[3] = v.w;
  }

  // Gradients before the activations of four units of a row. grad: dL/dh. back: lstm dL/dc, gru the
  // direct path to the h before; becomes that of the step before.
  __device__ void differentiate(const Step& step, const float (&grad)[4], const float (&after)[4], float (&back)[4],
                                float (&out)[R::kSums][4]) const {
    float gates[R::kSums][4], before[4];
    unpack(step.before, before);
#pragma unroll
    for (int g = 0; g < R::kSums; ++g) load_halves(step.gates[g], gates[g]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (R::kFamily == Family::kLstm) {
        const LstmGradient<float> unit =
            lstm_backward(gates[0][i], gates[1][i], gates[2][i], gates[3][i], before[i], after[i], grad[i], back[i]);
        out[0][i] = unit.i;
        out[1][i] = unit.f;
        out[2][i] = unit.g;
        out[3][i] = unit.o;
        back[i] = unit.c;
      } else if constexpr (R::kFamily == Family::kGru) {
        const GruGradient<float> unit =
            gru_backward(gates[0][i], gates[1][i], gates[2][i], gates[3][i], before[i], grad[i]);
        out[0][i] = unit.r;
        out[1][i] = unit.z;
        out[2][i] = unit.x_n;
        out[3][i] = unit.h_n;
        back[i] = unit.h;
      } else {
        out[0][i] =
            a_.cell == Cell::kRnnTanh ? rnn_tanh_backward(before[i], grad[i]) : rnn_relu_backward(before[i], grad[i]);
      }
    }
  }

  __device__ void finish_step(int s, int m, const Step (&step)[2], Outputs& products) {
    Fragment operand[R::kSums];
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const bool valid = is_valid(m, u);
      float grad[4], after[4] = {}, out[R::kSums][4];
      unpack(step[u].grad_h, grad);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if constexpr (R::kFamily == Family::kGru) grad[i] += carried_[m][u][i];
        grad[i] += of_unit(products, u, i) * inverse_;
      }
      if constexpr (R::kFamily == Family::kLstm) unpack(valid ? state(s, m, u) : zero4(), after);
      differentiate(step[u], grad, after, carried_[m][u], out);
#pragma unroll
      for (int g = 0; g < R::kSums; ++g) {
        float scaled[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) scaled[i] = out[g][i] * scale_;
        set_row(operand[g], u, scaled);
        if (valid) store_row(stash(at(s, m, u)) + g * hp_, operand[g], u);
      }
    }
#pragma unroll
    for (int g = 0; g < R::kGates; ++g) {
      if constexpr (R::kWarps == 1)
        own_gradient_[g] = operand[R::hidden_sum(g)];
      else
        store_fragment(gradient(s, m, g, lane_.warp), operand[R::hidden_sum(g)]);
    }
  }

  const RecurrentArgs& a_;
  const Direction& d_;
  const Lane lane_;
  int batch_, hp_, first_row_, live_;
  float scale_, inverse_;
  std::uint32_t weights_[R::kResident ? R::kGates : 1][R::kResident ? R::kTiles : 1][2][2];
  float carried_[R::kRowTiles][2][4] = {};
  Fragment own_gradient_[R::kGates];  // of one warp: what it computed is the next product's operand
};

template <class R>
__global__ void __launch_bounds__(R::kThreads, 1) backward_kernel(const RecurrentArgs a) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.z);
  if (a.rows[slot].on == 0 || static_cast<int>(blockIdx.x) * R::kRows >= a.rows[slot].rows) return;
  const Direction d = direction_of(a, static_cast<int>(blockIdx.y), slot);
  Backward<R>(a, d, slot).run();
}

}  // namespace caviar::mixed
