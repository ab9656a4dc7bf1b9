#!/usr/bin/env python3
"""JAX's side of gpu_peers.py: form P7, jit(scan over steps(vmap over runs(gradient of one run))), buffers donated.

Two gradients of the walk over time: "scan", jax.grad through lax.scan, unrolled 1, 4 or 28 times; and "own gradient",
where a custom_vjp keeps what the backward walk needs and takes the weight gradient as one product over all steps
instead of adding to it at every step. Input projections of all steps are one product in both.

Precision: fp32 is `highest`, tf32 `tensorfloat32` (JAX's default on NVIDIA GPUs), bf16 keeps the operands of the
products and the gates in bfloat16, states that are carried on, parameters and Adam in float32.

    python3 bench/peers/gpu_jax.py --check         the form against the NumPy reference; runs on a CPU too

Written for JAX 0.11.
"""

import functools
import gc
import os
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.92")  # gpu_peers.py runs one framework at a time

import jax
import jax.numpy as jnp
import numpy

import gpu_worker
from gpu_task import (BETA1, BETA2, CLASSES, EPS, STEPS, Point, initial_bound, learning_rates, orders, parameter_shapes)

MATMUL = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "tensorfloat32", "fp64": "highest"}
KEPT = {"fp32": jnp.float32, "tf32": jnp.float32, "bf16": jnp.bfloat16, "fp64": jnp.float64}
RECURRENT = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
tree_map = jax.tree_util.tree_map


# Of one run, each direction d: what a cell is given is `mixed`, the contributions of input and state to the gates.


def mix(cell, from_x, from_h):
    """Contributions [d, B, G * H] of input and state, added where the cell adds them."""
    if cell != "gru":
        return from_x + from_h
    hidden = from_x.shape[-1] // 3
    both = from_x[..., : 2 * hidden] + from_h[..., : 2 * hidden]
    return jnp.concatenate([both, from_x[..., 2 * hidden :], from_h[..., 2 * hidden :]], -1)


def unmix(cell, d_mixed):
    """Gradients by the contributions of input and of state."""
    if cell != "gru":
        return d_mixed, d_mixed
    hidden = d_mixed.shape[-1] // 4
    return d_mixed[..., : 3 * hidden], jnp.concatenate([d_mixed[..., : 2 * hidden], d_mixed[..., 3 * hidden :]], -1)


def cell_step(cell, mixed, carry):
    """New h and what is carried on beside it: c of an LSTM, h itself, unrounded, of a GRU; nothing of a tanh cell."""
    mixed = mixed.astype(carry.dtype)
    if cell == "lstm":
        i, f, g, o = jnp.split(mixed, 4, -1)
        carry = jax.nn.sigmoid(f) * carry + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(carry), carry
    if cell == "gru":
        r, z, x_n, h_n = jnp.split(mixed, 4, -1)
        n = jnp.tanh(x_n + jax.nn.sigmoid(r) * h_n)
        carry = n + jax.nn.sigmoid(z) * (carry - n)
        return carry, carry
    return jnp.tanh(mixed), carry


def state_product(h, w_h, b_h):
    return jnp.einsum("dbh,dgh->dbg", h, w_h) + b_h[:, None]


def start_of(cell, from_x, w_h, real):
    shape = (*from_x.shape[1:3], w_h.shape[-1])
    return jnp.zeros(shape, from_x.dtype), jnp.zeros((0,) if cell == "rnn_tanh" else shape, real)


def walk(cell, unroll, real, from_x, w_h, b_h):
    """Last states [d, B, H]; from_x [T, d, B, G * H], w_h [d, G * H, H]."""

    def step(carry, x):
        h, rest = cell_step(cell, mix(cell, x, state_product(carry[0], w_h, b_h)), carry[1])
        return (h.astype(from_x.dtype), rest), None

    return jax.lax.scan(step, start_of(cell, from_x, w_h, real), from_x, unroll=unroll)[0][0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def walk_own_gradient(cell, unroll, real, from_x, w_h, b_h):
    return walk(cell, unroll, real, from_x, w_h, b_h)


def walk_forward(cell, unroll, real, from_x, w_h, b_h):
    def step(carry, x):
        mixed = mix(cell, x, state_product(carry[0], w_h, b_h))
        h, rest = cell_step(cell, mixed, carry[1])
        # A GRU's h is what it carries on: kept once.
        return (h.astype(from_x.dtype), rest), (mixed, None if cell == "gru" else carry[0], carry[1])

    (h, _), kept = jax.lax.scan(step, start_of(cell, from_x, w_h, real), from_x, unroll=unroll)
    return h, (kept, w_h, b_h)


def walk_backward(cell, unroll, real, saved, d_last):
    (all_mixed, all_h, all_rest), w_h, b_h = saved
    kept = all_mixed.dtype
    all_h = all_rest.astype(kept) if cell == "gru" else all_h

    def step(carry, at):
        d_h, d_rest = carry
        mixed, rest = at
        pull = jax.vjp(functools.partial(cell_step, cell), mixed, rest)[1]
        d_mixed, d_rest = pull((d_h.astype(real), d_rest))
        d_h = jnp.einsum("dbg,dgh->dbh", unmix(cell, d_mixed)[1], w_h)
        return (d_h, d_rest), d_mixed

    start = d_last.astype(kept), jnp.zeros(all_rest.shape[1:], real)
    _, d_mixed = jax.lax.scan(step, start, (all_mixed, all_rest), reverse=True, unroll=unroll)
    d_from_x, d_from_h = unmix(cell, d_mixed)
    d_b = d_from_h.astype(real).sum((0, 2)).astype(b_h.dtype)
    return d_from_x, jnp.einsum("tdbg,tdbh->dgh", d_from_h, all_h), d_b


walk_own_gradient.defvjp(walk_forward, walk_backward)


def loss_of(cell, walker, kept, p, x, labels):
    """Mean cross-entropy of one run; x [B, T, D]."""
    w_x, w_h, b_x, b_h = (p[name].astype(kept) for name in RECURRENT)
    xs = jnp.stack([x, x[:, ::-1]]).astype(kept)
    from_x = jnp.einsum("dbti,dgi->tdbg", xs, w_x) + b_x[:, None]
    h = walker(from_x, w_h, b_h).astype(p["fc.weight"].dtype)
    logits = jnp.concatenate([h[0], h[1]], -1) @ p["fc.weight"].T + p["fc.bias"]
    hot = jax.nn.one_hot(labels, CLASSES, dtype=logits.dtype)
    return -(jax.nn.log_softmax(logits) * hot).sum() / x.shape[0]


def train_one(point, loss, examples, real, p, m, v, rate, multiplier, offset, step, images, labels):
    """One step of Adam of one run; everything counted in 32 bits unsigned."""
    batch = jnp.uint32(point.batch_size)
    position = (step * batch + jnp.arange(point.batch_size, dtype=jnp.uint32)) % jnp.uint32(examples)
    index = (multiplier * position + offset) % jnp.uint32(examples)
    x = jnp.take(images, index, axis=0, mode="clip").astype(real) / 255
    value, g = jax.value_and_grad(loss)(p, x, jnp.take(labels, index, axis=0, mode="clip"))
    done = (step + jnp.uint32(1)).astype(real)
    c1, c2 = 1 - jnp.power(jnp.asarray(BETA1, real), done), 1 - jnp.power(jnp.asarray(BETA2, real), done)
    m = tree_map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
    v = tree_map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
    p = tree_map(lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + EPS), p, m, v)
    return p, m, v, value


def pack(parameters):
    """PyTorch's names to ours: both directions of an array in one, [N, 2, ...]."""
    both = {name: jnp.stack([parameters[name], parameters[name + "_reverse"]], 1) for name in RECURRENT}
    return both | {name: jnp.asarray(parameters[name]) for name in ("fc.weight", "fc.bias")}


def unpack(p):
    found = {name: numpy.asarray(p[name]) for name in ("fc.weight", "fc.bias")}
    for name in RECURRENT:
        found[name], found[name + "_reverse"] = numpy.moveaxis(numpy.asarray(p[name]), 1, 0)
    return found


class Scanned:
    """P7: `runs` runs, `steps_per_call` steps in one call of one compiled program."""

    def __init__(self, point, images, labels, initial):
        self.runs = point.trials
        own, unroll = point.variant.startswith("own gradient"), int(point.variant.split()[-1])
        assert 1 <= unroll <= STEPS
        kept = jnp.dtype(KEPT[point.precision])
        real = jnp.dtype(jnp.float64 if point.precision == "fp64" else jnp.float32)
        # A call lasts long enough that starting it costs nothing beside it.
        self.steps_per_call = 1 if initial is not None else 64 if self.runs <= 64 else 16 if self.runs <= 512 else 4
        multipliers, offsets = orders(self.runs, len(labels))
        self.data = (jnp.asarray(learning_rates(self.runs), real), jnp.asarray(multipliers, jnp.uint32),
                     jnp.asarray(offsets, jnp.uint32), images, labels)
        walker = functools.partial(walk_own_gradient if own else walk, point.cell, unroll, real)
        loss = functools.partial(loss_of, point.cell, walker, kept)
        one = functools.partial(train_one, point, loss, len(labels), real)
        train_all = jax.vmap(one, in_axes=(0, 0, 0, 0, 0, 0, None, None, None))

        def run(state, data):
            def body(state, _):
                p, m, v, step = state
                p, m, v, losses = train_all(p, m, v, *data[:3], step, *data[3:])
                return (p, m, v, step + jnp.uint32(1)), losses

            state, losses = jax.lax.scan(body, state, None, length=self.steps_per_call)
            return state, losses[-1]

        p = self.start(point, real, initial)
        zeros = tree_map(jnp.zeros_like, p), tree_map(jnp.zeros_like, p)
        self.state, self.loss = (p, *zeros, jnp.uint32(0)), None
        with jax.default_matmul_precision(MATMUL[point.precision]):
            self.program = jax.jit(run, donate_argnums=(0,)).lower(self.state, self.data).compile()

    @staticmethod
    def start(point, real, initial):
        if initial is not None:
            return pack({name: jnp.asarray(value, real) for name, value in initial.items()})
        shapes = parameter_shapes(point.cell, point.hidden_size)
        keys = jax.random.split(jax.random.PRNGKey(1), len(shapes))
        return pack({name: jax.random.uniform(key, (point.trials, *shape), real, -1, 1)
                     * initial_bound(name, point.hidden_size) for key, (name, shape) in zip(keys, shapes.items())})

    def run(self, calls):
        jax.block_until_ready(self.state)
        began = time.perf_counter()
        for _ in range(calls):
            self.state, self.loss = self.program(self.state, self.data)
        jax.block_until_ready(self.state)
        return time.perf_counter() - began

    def losses(self):
        return numpy.asarray(self.loss)

    def parameters(self):
        return unpack(self.state[0])


class Jax:
    def __init__(self):
        self.held = None

    def describe(self):
        device = jax.devices()[0]
        return dict(framework="JAX " + jax.__version__, python=sys.version.split()[0], device=device.device_kind)

    def prepare(self, point, data, initial=None):
        if point.precision not in KEPT:
            raise gpu_worker.Unavailable(f"this form has no {point.precision}")
        jax.config.update("jax_enable_x64", point.precision == "fp64")
        if self.held is None or self.held[0] is not data:
            self.held = data, jnp.asarray(data[0]), jnp.asarray(data[1])
        return Scanned(point, *self.held[1:], initial)

    def peak_bytes(self, form):
        """What the compiler planned for a call: the allocator's own peak is of the whole process."""
        sizes = form.program.memory_analysis()
        if sizes is None:
            return None
        total = sizes.argument_size_in_bytes + sizes.output_size_in_bytes + sizes.temp_size_in_bytes
        return int(total - sizes.alias_size_in_bytes)

    def release(self):
        gc.collect()
        jax.clear_caches()


VARIANTS = ("scan, unroll 1", "scan, unroll 4", "scan, unroll 28", "own gradient, unroll 1", "own gradient, unroll 4")


def check_points(cell):
    """Both gradients in double and as they are measured; unrolling that does and does not divide the steps."""
    for variant in ("scan, unroll 1", "own gradient, unroll 1", "scan, unroll 4", "own gradient, unroll 4"):
        yield Point("P7", variant, "fp64", cell, **gpu_worker.CHECK)
    for variant in ("scan, unroll 1", "own gradient, unroll 1"):
        for precision in ("fp32", "tf32", "bf16") if cell == "lstm" else ():
            yield Point("P7", variant, precision, cell, **gpu_worker.CHECK)


if __name__ == "__main__":
    gpu_worker.main(Jax(), __doc__, check_points)
