"""Form P6 of gpu_peers.py: all runs in stacked arrays, the strongest form PyTorch's operators were brought to.

Forward and backward pass are written by hand. Per time step and direction-of-time one bmm over all runs and both
directions, and one pointwise kernel that torch.compile fuses; the weight gradient is one bmm over all time steps. What
costs on a GPU is memory traffic, so that

- the operand of a time step is [x, 1, h] in one array of K = 32 + H columns (28 pixels, a one for the bias, zeros to a
  multiple of 8): one product gives the gates with bias, one gives the gradient of both weights and the bias;
- weights are kept in that packed form, [2, N, G * H, K], and Adam works on it. Elements that no parameter stands behind
  have a rate of zero. PyTorch's two biases have equal gradients and so equal updates: their sum has twice the rate;
- gates are kept as they were before their nonlinearity, which the backward pass repeats: one write and two reads;
- with bf16 or fp16, operands and gates are kept in 16 bits; states that are carried on, parameters and Adam in 32.

The GRU's candidate needs its two contributions apart, so that it has four blocks of H rows: r, z, from x, from h.
"""

import torch

from gpu_task import BETA1, BETA2, CLASSES, DIRECTIONS, EPS, FEATURES, STEPS
from gpu_torch_form import Form, compiled

INPUTS = 32  # columns before h: pixels, the bias's one, zeros
BIAS = FEATURES  # the column of ones
BLOCKS = {"lstm": 4, "gru": 4, "rnn_tanh": 1}


def apart(view):
    """The same memory as a tensor of its own: torch.compile takes views of one array for overlapping otherwise, and
    guards against it with copies."""
    return torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(view))


def wide(dtype):
    """The type that cells are computed in."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def lstm_forward(i, f, g, o, c, next_c, h):
    i, f, g, o = (v.to(c.dtype) for v in (i, f, g, o))
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    next_c.copy_(new)
    h.copy_(torch.sigmoid(o) * torch.tanh(new))


def lstm_backward(i, f, g, o, c, new, dh, dc, d_i, d_f, d_g, d_o, next_dc):
    i, f, g, o = (v.to(c.dtype) for v in (i, f, g, o))
    i, f, g, o, t = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o), torch.tanh(new)
    dh = dh.to(c.dtype)
    d = dc + dh * o * (1 - t * t)
    d_i.copy_(d * g * i * (1 - i))
    d_f.copy_(d * c * f * (1 - f))
    d_g.copy_(d * i * (1 - g * g))
    d_o.copy_(dh * t * o * (1 - o))
    next_dc.copy_(d * f)


def gru_forward(r, z, x_n, h_n, state, next_state, h):
    r, z, x_n, h_n = (v.to(state.dtype) for v in (r, z, x_n, h_n))
    n = torch.tanh(x_n + torch.sigmoid(r) * h_n)
    new = n + torch.sigmoid(z) * (state - n)
    next_state.copy_(new)
    h.copy_(new)


def gru_backward(r, z, x_n, h_n, state, _, dh, d_state, d_r, d_z, d_x_n, d_h_n, next_d_state):
    r, z, x_n, h_n = (v.to(state.dtype) for v in (r, z, x_n, h_n))
    r, z = torch.sigmoid(r), torch.sigmoid(z)
    n = torch.tanh(x_n + r * h_n)
    d = dh.to(state.dtype) + d_state
    dn = d * (1 - z) * (1 - n * n)
    d_r.copy_(dn * h_n * r * (1 - r))
    d_z.copy_(d * (state - n) * z * (1 - z))
    d_x_n.copy_(dn)
    d_h_n.copy_(dn * r)
    next_d_state.copy_(d * z)


def tanh_forward(gate, h):
    h.copy_(torch.tanh(gate.to(wide(gate.dtype))))


def tanh_backward(h, dh, d_gate):
    h = h.to(wide(h.dtype))
    d_gate.copy_(dh * (1 - h * h))


FORWARD = {"lstm": lstm_forward, "gru": gru_forward, "rnn_tanh": tanh_forward}
BACKWARD = {"lstm": lstm_backward, "gru": gru_backward, "rnn_tanh": tanh_backward}


def write_input(into, images, index, backwards):
    """Pixels of the batches [N, B] as [N, T, B, 28] in [0, 1], the last row first when `backwards`."""
    x = images[index].transpose(1, 2)
    into.copy_((x.flip(1) if backwards else x).to(wide(into.dtype)) / 255)


def head(features, weight, bias, labels, scale):
    """Losses [N], and gradients by weight, bias and features [N, B, 2H] of `scale` times the loss."""
    batch = features.shape[1]
    logits = torch.baddbmm(bias.unsqueeze(1), features, weight.transpose(1, 2))
    log_probabilities = torch.log_softmax(logits, -1)
    hot = (labels.unsqueeze(-1) == torch.arange(CLASSES, device=labels.device)).to(logits.dtype)
    losses = -(log_probabilities * hot).sum((1, 2)) / batch
    d = (torch.exp(log_probabilities) - hot) * (scale / batch)
    return losses, torch.bmm(d.transpose(1, 2), features), d.sum(1), torch.bmm(d, weight)


def adam(parameters, gradients, firsts, seconds, rates, factors, operands, c1, c2, eps):
    """Adam in place on arrays and rates that broadcast, and a copy in the products' type where one is kept. c1, c2:
    what the moments are divided by, numbers on the device."""
    for p, g, m, v, rate, factor, operand in zip(parameters, gradients, firsts, seconds, rates, factors, operands):
        g = g.to(p.dtype)
        m.mul_(BETA1).add_(g, alpha=1 - BETA1)
        v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
        move = rate / c1 * m / ((v / c2).sqrt() + eps)
        p.sub_(move if factor is None else move * factor)
        if operand is not None:
            operand.copy_(p)


class Packing:
    """Between PyTorch's parameters and the packed weights [2, N, G * H, K]."""

    def __init__(self, cell, hidden):
        self.cell, self.hidden = cell, hidden
        self.rows = BLOCKS[cell] * hidden

    def rate_factors(self, work):
        """[G * H, K]: 0 where no parameter is, 2 where two equal ones are added."""
        hidden, gru = self.hidden, self.cell == "gru"
        factor = torch.ones(self.rows, INPUTS + hidden, dtype=work.dtype, device=work.device)
        factor[:, BIAS] = 2
        factor[:, BIAS + 1 : INPUTS] = 0
        if gru:
            factor[2 * hidden :, BIAS] = 1
            factor[2 * hidden : 3 * hidden, INPUTS:] = 0
            factor[3 * hidden :, :FEATURES] = 0
        return factor

    def pack(self, p):
        hidden, packed = self.hidden, []
        for direction in DIRECTIONS:
            w_x, w_h = p["weight_ih_l0" + direction], p["weight_hh_l0" + direction]
            b_x, b_h = p["bias_ih_l0" + direction], p["bias_hh_l0" + direction]
            w = w_x.new_zeros(len(w_x), self.rows, INPUTS + hidden)
            both = 2 * hidden if self.cell == "gru" else self.rows  # rows that add x's and h's contribution
            w[:, :both, :FEATURES], w[:, :both, INPUTS:] = w_x[:, :both], w_h[:, :both]
            w[:, :both, BIAS] = b_x[:, :both] + b_h[:, :both]
            if self.cell == "gru":
                w[:, both : both + hidden, :FEATURES], w[:, both : both + hidden, BIAS] = w_x[:, both:], b_x[:, both:]
                w[:, both + hidden :, INPUTS:], w[:, both + hidden :, BIAS] = w_h[:, both:], b_h[:, both:]
            packed.append(w)
        return torch.stack(packed)

    def unpack(self, weights, start):
        """Parameters by PyTorch's names. `start`: the initial ones; what their biases' sum moved is halved."""
        hidden, p = self.hidden, {}
        for direction, w in zip(DIRECTIONS, weights):
            x, h, bias = w[:, :, :FEATURES], w[:, :, INPUTS:], w[:, :, BIAS]
            b_x, b_h = start["bias_ih_l0" + direction], start["bias_hh_l0" + direction]
            rows = b_x.shape[1]
            both = 2 * hidden if self.cell == "gru" else rows
            moved = (bias[:, :both] - b_x[:, :both] - b_h[:, :both]) / 2
            p["bias_ih_l0" + direction] = torch.cat([b_x[:, :both] + moved, bias[:, both:rows]], 1)
            p["bias_hh_l0" + direction] = torch.cat([b_h[:, :both] + moved, bias[:, rows:]], 1)
            p["weight_ih_l0" + direction] = x[:, :rows]
            p["weight_hh_l0" + direction] = torch.cat([h[:, :both], h[:, rows:]], 1)
        return p


class Batched(Form):
    """P6. Arrays are named in the head of this file; M = 2N runs through both directions."""

    def __init__(self, work):
        super().__init__(work)
        point = work.point
        self.runs = runs = point.trials
        self.packing = Packing(point.cell, point.hidden_size)
        self.kept = work.dtype if work.autocast is None else work.autocast  # type of operands and gates
        self.make_parameters()
        self.make_activations(2 * runs, point.batch_size, point.hidden_size)
        self.forward_cell, self.backward_cell = (compiled(f[point.cell], work) for f in (FORWARD, BACKWARD))
        self.write_input, self.head, self.adam = (compiled(f, work) for f in (write_input, head, adam))
        self.multipliers, self.offsets = work.orders_on_device()
        self.row = torch.arange(point.batch_size, device=work.device)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=work.device)
        self.count = torch.zeros((), dtype=work.dtype, device=work.device)
        self.capture()

    def make_parameters(self):
        work, hidden = self.work, self.work.point.hidden_size
        initial = work.parameters()
        self.p = [self.packing.pack(initial), initial["fc.weight"].clone(), initial["fc.bias"].clone()]
        self.start = None
        if work.initial is not None:
            self.start = initial, [v.clone() for v in self.p]
        del initial
        self.d_packed = torch.zeros_like(self.p[0], dtype=self.kept)
        self.first, self.second = ([torch.zeros_like(v) for v in self.p] for _ in range(2))
        rates = work.tensor(work.rates)
        self.rates = [rates.view(1, -1, 1, 1), rates.view(-1, 1, 1), rates.view(-1, 1)]
        self.factors = [self.packing.rate_factors(work), None, None]
        self.operand = self.p[0] if self.kept == work.dtype else self.p[0].to(self.kept)
        self.operands = [None if self.operand is self.p[0] else self.operand, None, None]
        self.w = self.operand.flatten(0, 1)  # [M, G * H, K]
        self.w_h = self.w[:, :, INPUTS:]

    def make_activations(self, models, batch, hidden):
        work, cell, rows = self.work, self.work.point.cell, self.packing.rows

        def zeros(*shape, dtype=self.kept):
            return torch.zeros(shape, dtype=dtype, device=work.device)

        # Slot t of xh holds x_t and h_{t-1}; slot T only the last h. h_{-1} stays zero.
        self.xh = zeros(models, STEPS + 1, batch, INPUTS + hidden)
        self.xh[..., BIAS] = 1
        self.d_gates = zeros(models, STEPS, batch, rows)
        # The tanh cell's backward pass reads h alone.
        self.gates = zeros(models, 1 if cell == "rnn_tanh" else STEPS, batch, rows)
        self.dh = zeros(models, batch, hidden)
        halves = self.xh.view(2, -1, STEPS + 1, batch, INPUTS + hidden)[:, :, :STEPS, :, :FEATURES]
        self.inputs = [apart(half) for half in halves]
        self.states = [apart(self.xh[:, t, :, INPUTS:]) for t in range(STEPS + 1)]
        gates, d_gates = ([[apart(block) for block in array[:, t % array.shape[1]].split(hidden, -1)]
                           for t in range(STEPS)] for array in (self.gates, self.d_gates))
        if cell == "rnn_tanh":
            self.forward_args = [(*gates[t], self.states[t + 1]) for t in range(STEPS)]
            self.backward_args = [(self.states[t + 1], self.dh, *d_gates[t]) for t in range(STEPS)]
            return
        carry = [zeros(models, batch, hidden, dtype=work.dtype) for _ in range(STEPS + 1)]
        self.d_carry = [zeros(models, batch, hidden, dtype=work.dtype) for _ in range(2)]
        self.forward_args = [(*gates[t], carry[t], carry[t + 1], self.states[t + 1]) for t in range(STEPS)]
        self.backward_args = [(*gates[t], carry[t], carry[t + 1], self.dh, self.d_carry[(t + 1) % 2], *d_gates[t],
                               self.d_carry[t % 2]) for t in range(STEPS)]

    @torch.no_grad()
    def step(self):
        work, hidden = self.work, self.work.point.hidden_size
        position = (self.cursor * work.point.batch_size + self.row) % work.examples
        index = (self.multipliers * position + self.offsets) % work.examples  # [N, B]
        for into, backwards in zip(self.inputs, (False, True)):
            self.write_input(into, work.images, index, backwards)
        transposed = self.w.transpose(1, 2)
        for t in range(STEPS):
            torch.bmm(self.xh[:, t], transposed, out=self.gates[:, t % self.gates.shape[1]])
            self.forward_cell(*self.forward_args[t])
        last = self.states[STEPS].view(2, self.runs, -1, hidden)
        features = torch.cat([last[0], last[1]], -1).to(work.dtype)
        self.loss, d_weight, d_bias, d_features = self.head(features, *self.p[1:], work.labels[index], work.scale)
        self.dh.view(2, self.runs, -1, hidden).copy_(torch.stack(d_features.split(hidden, -1)))
        if work.point.cell != "rnn_tanh":
            self.d_carry[STEPS % 2].zero_()
        for t in reversed(range(STEPS)):
            self.backward_cell(*self.backward_args[t])
            if t > 0:
                torch.bmm(self.d_gates[:, t], self.w_h, out=self.dh)
        torch.bmm(self.d_gates.flatten(1, 2).transpose(1, 2), self.xh[:, :STEPS].flatten(1, 2),
                  out=self.d_packed.flatten(0, 1))
        self.cursor.add_(1)
        self.count.add_(1)
        self.adam(self.p, [self.d_packed, d_weight, d_bias], self.first, self.second, self.rates, self.factors,
                  self.operands, 1 - BETA1**self.count, 1 - BETA2**self.count, EPS * work.scale)

    def reset(self):
        for array in (*self.first, *self.second, self.cursor, self.count):
            array.zero_()
        if self.start:
            for p, value in zip(self.p, self.start[1]):
                p.copy_(value)
            self.operand.copy_(self.p[0])

    def losses(self):
        return self.loss.cpu().numpy()

    def parameters(self):
        p = self.packing.unpack(self.p[0], self.start[0]) | {"fc.weight": self.p[1], "fc.bias": self.p[2]}
        return {k: v.cpu().numpy() for k, v in p.items()}
