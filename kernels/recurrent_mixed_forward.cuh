// The forward recurrence of the mixed precision: one kernel walks all steps (kernels/recurrent_mixed.h).
#pragma once

#include "kernels/base/async_copy.h"
#include "kernels/base/shared.h"
#include "kernels/math/recurrent.h"
#include "kernels/recurrent_mixed_tile.cuh"

namespace caviar::mixed {

// One block's walk: kRows rows of one direction of one slot.
template <class R>
class Forward {
 public:
  // tiles: of 16 columns of x, whose projection is made here; 0: the stash holds it.
  __device__ Forward(const RecurrentArgs& args, const Direction& direction, int slot_index, int tiles)
      : a_(args),
        d_(direction),
        slot_(slot_index),
        input_tiles_(tiles),
        batch_(args.window.rows()),
        hp_(padded(args.hidden)),
        first_row_(static_cast<int>(blockIdx.x) * R::kRows),
        live_(args.rows[slot_index].rows),
        aligned_(is_aligned(direction.hidden_weight, args.hidden)) {}

  __device__ void run() {
    load_weights_once();
    copy_input(0);
    copy_input(1);
    async_copy_wait<0>();
    meet<R>();
    for (int s = 0; s < d_.active_steps; ++s) {
      Outputs sums[R::kRowTiles][R::kSums];
      begin_sums(s, sums);
      // One meeting a step: what was written of step s - 1 can be read now (its h, and x of step s + 1); what is read
      // of it, x and the projection of step s, has been read by all and may be written over.
      async_copy_wait<0>();
      meet<R>();
      copy_input(s + 2);
      if (s > 0) add_hidden_product(s, sums);
      finish_step(s, sums);
    }
  }

 private:
  __device__ int time_of(int s) const { return d_.reverse ? a_.steps - 1 - s : s; }
  __device__ int row_of(int m, int u) const { return first_row_ + 16 * m + 8 * u + lane_.group; }
  // Shared memory: states, biases, W_ih, x.
  template <class T>
  __device__ T* shared(int bytes) const {
    return reinterpret_cast<T*>(dynamic_shared<std::byte>() + bytes);
  }
  __device__ uint4* state(int s, int m, int tile) const {
    return shared<uint4>(0) + ((s % 2 * R::kRowTiles + m) * R::kTiles + tile) * 32 + lane_.lane;
  }
  __device__ float* biases() const { return shared<float>(R::kStateBytes); }
  // A lane_ reads back what it wrote itself: no other shares its part of W_ih.
  __device__ uint4* input_weight(int tile, int g) const {
    return shared<uint4>(R::kStateBytes + R::kBiasBytes) + ((lane_.warp * input_tiles_ + tile) * R::kGates + g) * 32 +
           lane_.lane;
  }
  __device__ float* input(int s) const {
    return shared<float>(R::kStateBytes + R::kBiasBytes + R::kWarps * input_tiles_ * R::kGates * R::kFragmentBytes) +
           s % 2 * R::kRows * R::input_stride(input_tiles_);
  }

  __device__ void load_weights_once() {
    if constexpr (R::kResident) {
#pragma unroll
      for (int g = 0; g < R::kGates; ++g)
#pragma unroll
        for (int tile = 0; tile < R::kTiles; ++tile) load_hidden(g, tile, weights_[g][tile]);
    }
    const int length = a_.input_segments.count * a_.input_segments.length;
    for (int tile = 0; R::kProjects && tile < input_tiles_; ++tile) {
      const int c = 16 * tile + 4 * lane_.quad;
      for (int g = 0; g < R::kGates; ++g) {
        std::uint32_t b[2][2];
        load_rows(d_.input_weight, a_.hidden, length,
                  is_aligned(d_.input_weight, length) && a_.input_segments.length % 4 == 0, g, lane_,
                  max(feature_of(a_.input_segments, c), 0), features_from(a_.input_segments, c), b);
        *input_weight(tile, g) = make_uint4(b[0][0], b[0][1], b[1][0], b[1][1]);
      }
    }
    for (int i = static_cast<int>(threadIdx.x); i < R::kSums * R::kHidden; i += R::kThreads) {
      const int g = i / R::kHidden, j = i % R::kHidden;
      const bool of_hidden = R::kFamily == Family::kGru && g == 3;  // b_hn, which r_n multiplies
      biases()[i] = j >= a_.hidden ? 0.0f
                    : of_hidden    ? d_.hidden_bias[2 * a_.hidden + j]
                                   : input_bias(d_, a_.cell, a_.hidden, g, j);
    }
  }

  __device__ void load_hidden(int g, int tile, std::uint32_t (&b)[2][2]) const {
    const int column = 16 * tile + 4 * lane_.quad;
    load_rows(d_.hidden_weight, a_.hidden, a_.hidden, aligned_, g, lane_, column, a_.hidden - column, b);
  }

  // Starts to copy the rows of x that step s reads.
  __device__ void copy_input(int s) const {
    if (R::kProjects && input_tiles_ > 0 && s < d_.active_steps) {
      float* const to = input(s);
      const float* const from = a_.x[slot_] + static_cast<std::int64_t>(time_of(s)) * batch_ * a_.x_width;
      const int quads = 4 * input_tiles_;
      for (int i = static_cast<int>(threadIdx.x); i < R::kRows * quads; i += R::kThreads) {
        const int row = i / quads, c = i % quads * 4, of_batch = first_row_ + row;
        const bool valid = of_batch < live_ && features_from(a_.input_segments, c) > 0;
        async_copy_16_or_zero(to + row * R::input_stride(input_tiles_) + c,
                              valid ? from + static_cast<std::int64_t>(of_batch) * a_.x_width + c : from, valid);
      }
    }
    async_copy_commit();
  }

  // The biases and W_ih x.
  __device__ void begin_sums(int s, Outputs (&sums)[R::kRowTiles][R::kSums]) const {
    const std::int64_t time = static_cast<std::int64_t>(time_of(s)) * batch_;
#pragma unroll
    for (int m = 0; m < R::kRowTiles; ++m) {
#pragma unroll
      for (int g = 0; g < R::kSums; ++g) {
        const bool in_stash = (!R::kProjects || input_tiles_ == 0) && g < R::kGates;
        const float4 bias = load4(biases() + g * R::kHidden + lane_.unit);
#pragma unroll
        for (int u = 0; u < 2; ++u) {
          const int row = row_of(m, u);
          const bool valid = row < live_ && lane_.unit < hp_;
          const float4 v = !in_stash ? bias
                           : valid   ? load4(d_.gates + (time + row) * a_.gates_width + g * hp_ + lane_.unit)
                                     : zero4();
          of_unit(sums[m][g], u, 0) = v.x;
          of_unit(sums[m][g], u, 1) = v.y;
          of_unit(sums[m][g], u, 2) = v.z;
          of_unit(sums[m][g], u, 3) = v.w;
        }
      }
    }
    if constexpr (R::kProjects) add_input_product(s, sums);
  }

  __device__ void add_input_product(int s, Outputs (&sums)[R::kRowTiles][R::kSums]) const {
#pragma unroll 1
    for (int tile = 0; tile < input_tiles_; ++tile) {
      const int c = 16 * tile + 4 * lane_.quad, n = features_from(a_.input_segments, c);
      Fragment x[R::kRowTiles];
#pragma unroll
      for (int m = 0; m < R::kRowTiles; ++m)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
          const float4 v =
              first_of(load4(input(s) + (16 * m + 8 * u + lane_.group) * R::input_stride(input_tiles_) + c), n);
          set_row(x[m], u, {v.x, v.y, v.z, v.w});
        }
#pragma unroll
      for (int g = 0; g < R::kGates; ++g) {
        const uint4 w = *input_weight(tile, g);
#pragma unroll
        for (int m = 0; m < R::kRowTiles; ++m) add_product(sums[m][g], x[m], {{w.x, w.y}, {w.z, w.w}});
      }
    }
  }

  // W_hh h of the step before.
  __device__ void add_hidden_product(int s, Outputs (&sums)[R::kRowTiles][R::kSums]) {
    if constexpr (R::kResident) {
#pragma unroll
      for (int tile = 0; tile < R::kTiles; ++tile) {
        const Fragment h = R::kWarps == 1 ? own_state_[0] : load_fragment(state(s - 1, 0, tile));
#pragma unroll
        for (int g = 0; g < R::kGates; ++g) add_product(sums[0][R::hidden_sum(g)], h, weights_[g][tile]);
      }
    } else {
#pragma unroll 1
      for (int tile = 0; tile < R::kTiles; ++tile) {
#pragma unroll
        for (int g = 0; g < R::kGates; ++g) {
          std::uint32_t b[2][2];
          load_hidden(g, tile, b);
#pragma unroll
          for (int m = 0; m < R::kRowTiles; ++m)
            add_product(sums[m][R::hidden_sum(g)], load_fragment(state(s - 1, m, tile)), b);
        }
      }
    }
  }

  // Activations of four units of a row. before: lstm's c, gru's h; becomes that of this step. gates: for the stash.
  __device__ void activate(Outputs (&sums)[R::kSums], int u, float (&before)[4], float (&gates)[R::kSums][4],
                           float (&h)[4]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (R::kFamily == Family::kLstm) {
        float& c = before[i];
        const LstmUnit<float> unit = lstm_forward(of_unit(sums[0], u, i), of_unit(sums[1], u, i),
                                                  of_unit(sums[2], u, i), of_unit(sums[3], u, i), c);
        gates[0][i] = unit.i;
        gates[1][i] = unit.f;
        gates[2][i] = unit.g;
        gates[3][i] = unit.o;
        c = unit.c;
        h[i] = lstm_output(unit.o, unit.c);
      } else if constexpr (R::kFamily == Family::kGru) {
        const float h_n = of_unit(sums[3], u, i);
        const GruUnit<float> unit =
            gru_forward(of_unit(sums[0], u, i), of_unit(sums[1], u, i), of_unit(sums[2], u, i), h_n, before[i]);
        gates[0][i] = unit.r;
        gates[1][i] = unit.z;
        gates[2][i] = unit.n;
        gates[3][i] = h_n;
        before[i] = h[i] = unit.h;
      } else {
        const float pre = of_unit(sums[0], u, i);
        h[i] = a_.cell == Cell::kRnnTanh ? rnn_tanh_forward(pre) : rnn_relu_forward(pre);
      }
    }
  }

  // What this thread itself stored of the step before.
  __device__ void recall(int s, bool valid, int row, float (&before)[4]) const {
    const std::int64_t at = static_cast<std::int64_t>(s > 0 ? time_of(s - 1) : 0) * batch_ + row;
    const float* const from = R::kFamily == Family::kLstm ? d_.cells + at * hp_ : d_.h + at * a_.h_width;
    const float4 v = valid && s > 0 ? load4(from + lane_.unit) : zero4();
    before[0] = v.x;
    before[1] = v.y;
    before[2] = v.z;
    before[3] = v.w;
  }

  __device__ void finish_step(int s, Outputs (&sums)[R::kRowTiles][R::kSums]) {
    const std::int64_t time = static_cast<std::int64_t>(time_of(s)) * batch_;
#pragma unroll
    for (int m = 0; m < R::kRowTiles; ++m) {
      Fragment operand;
#pragma unroll
      for (int u = 0; u < 2; ++u) {
        const bool valid = row_of(m, u) < live_ && lane_.unit < hp_;
        const std::int64_t row = time + row_of(m, u);
        if constexpr (!R::kCarries) recall(s, valid, row_of(m, u), carried_[0]);
        float(&state_of_row)[4] = carried_[R::kCarries ? 2 * m + u : 0];
        float gates[R::kSums][4], h[4];
        activate(sums[m], u, state_of_row, gates, h);
        set_row(operand, u, h);
        if (!valid) continue;
        *reinterpret_cast<float4*>(d_.h + row * a_.h_width + lane_.unit) = make_float4(h[0], h[1], h[2], h[3]);
        if constexpr (R::kFamily == Family::kLstm) {
          const float(&c)[4] = state_of_row;
          *reinterpret_cast<float4*>(d_.cells + row * hp_ + lane_.unit) = make_float4(c[0], c[1], c[2], c[3]);
        }
        if constexpr (R::kFamily != Family::kRnn) {
          Half* const stash = reinterpret_cast<Half*>(d_.gates) + row * 2 * a_.gates_width + lane_.unit;
#pragma unroll
          for (int g = 0; g < R::kSums; ++g) {
            Fragment f;
            set_row(f, u, gates[g]);
            store_row(stash + g * hp_, f, u);
          }
        }
      }
      if constexpr (R::kWarps == 1)
        own_state_[m] = operand;
      else
        store_fragment(state(s, m, lane_.warp), operand);
    }
  }

  const RecurrentArgs& a_;
  const Direction& d_;
  const Lane lane_;
  int slot_, input_tiles_, batch_, hp_, first_row_, live_;
  bool aligned_;
  std::uint32_t weights_[R::kResident ? R::kGates : 1][R::kResident ? R::kTiles : 1][2][2];
  float carried_[R::kCarries ? 2 * R::kRowTiles : 1][4] = {};  // lstm: c; gru: h
  Fragment own_state_[R::kRowTiles];  // of one warp: its accumulators are the next step's operand
};

template <class R>
__global__ void __launch_bounds__(R::kThreads, 1) forward_kernel(const RecurrentArgs a, int input_tiles) {
  const int slot = a.window.s0 + static_cast<int>(blockIdx.z);
  if (a.rows[slot].on == 0 || static_cast<int>(blockIdx.x) * R::kRows >= a.rows[slot].rows) return;
  const Direction d = direction_of(a, static_cast<int>(blockIdx.y), slot);
  Forward<R>(a, d, slot, input_tiles).run();
}

}  // namespace caviar::mixed
