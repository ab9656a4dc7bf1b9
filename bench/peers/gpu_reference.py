"""The training step of gpu_task.py in NumPy, in double, gradients derived by hand: what every form is held to.

That this file is right is checked against torch.nn.LSTM / GRU / RNN with torch.optim.Adam, form P0 of gpu_torch.py.
"""

import numpy

from gpu_task import BETA1, BETA2, DIRECTIONS, EPS, order_table


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def lstm_forward(x, h, c):
    """x, h: contributions of input and state to the gates [B, 4H]. Returns the new h and c, and what backward needs."""
    i, f, g, o = numpy.split(x + h, 4, 1)
    i, f, g, o = sigmoid(i), sigmoid(f), numpy.tanh(g), sigmoid(o)
    new = f * c + i * g
    return o * numpy.tanh(new), new, (i, f, g, o, c, new)


def lstm_backward(dh, dc, kept):
    """Gradients by the contributions of x and of h, by c, and the part of dL/dh that passes the weights by."""
    i, f, g, o, c, new = kept
    t = numpy.tanh(new)
    dc = dc + dh * o * (1 - t * t)
    d = numpy.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)], 1)
    return d, d, dc * f, 0


def gru_forward(x, h, state):
    xr, xz, xn = numpy.split(x, 3, 1)
    hr, hz, hn = numpy.split(h, 3, 1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = numpy.tanh(xn + r * hn)
    new = (1 - z) * n + z * state
    return new, new, (r, z, n, hn, state)


def gru_backward(dh, _, kept):
    r, z, n, hn, state = kept
    dn = dh * (1 - z) * (1 - n * n)
    dr, dz = dn * hn * r * (1 - r), dh * (state - n) * z * (1 - z)
    return numpy.concatenate([dr, dz, dn], 1), numpy.concatenate([dr, dz, dn * r], 1), 0, dh * z


def tanh_forward(x, h, _):
    new = numpy.tanh(x + h)
    return new, new, new


def tanh_backward(dh, _, new):
    d = dh * (1 - new * new)
    return d, d, 0, 0


FORWARD = {"lstm": lstm_forward, "gru": gru_forward, "rnn_tanh": tanh_forward}
BACKWARD = {"lstm": lstm_backward, "gru": gru_backward, "rnn_tanh": tanh_backward}


def loss_and_gradient(cell, p, x, labels):
    """Mean cross-entropy of one run on a batch x [B, T, D], and its gradient under the names of p."""
    batch, steps, _ = x.shape
    hidden = p["fc.weight"].shape[1] // 2
    finals, tapes = [], []
    for direction in DIRECTIONS:
        h, carry, tape = numpy.zeros((batch, hidden)), numpy.zeros((batch, hidden)), []
        for t in range(steps) if not direction else reversed(range(steps)):
            from_x = x[:, t] @ p["weight_ih_l0" + direction].T + p["bias_ih_l0" + direction]
            from_h = h @ p["weight_hh_l0" + direction].T + p["bias_hh_l0" + direction]
            before = h
            h, carry, kept = FORWARD[cell](from_x, from_h, carry)
            tape.append((x[:, t], before, kept))
        finals.append(h)
        tapes.append(tape)
    features = numpy.concatenate(finals, 1)
    logits = features @ p["fc.weight"].T + p["fc.bias"]
    logits = logits - logits.max(1, keepdims=True)
    log_probabilities = logits - numpy.log(numpy.exp(logits).sum(1, keepdims=True))
    loss = -log_probabilities[numpy.arange(batch), labels].mean()
    d_logits = (numpy.exp(log_probabilities) - numpy.eye(logits.shape[1])[labels]) / batch
    g = {"fc.weight": d_logits.T @ features, "fc.bias": d_logits.sum(0)}
    d_features = d_logits @ p["fc.weight"]
    for direction, tape, dh in zip(DIRECTIONS, tapes, numpy.split(d_features, 2, 1)):
        total = {name: numpy.zeros_like(p[name + direction])
                 for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}
        dc = numpy.zeros_like(dh)
        for x_t, before, kept in reversed(tape):
            d_x, d_h, dc, around = BACKWARD[cell](dh, dc, kept)
            total["weight_ih_l0"] += d_x.T @ x_t
            total["weight_hh_l0"] += d_h.T @ before
            total["bias_ih_l0"] += d_x.sum(0)
            total["bias_hh_l0"] += d_h.sum(0)
            dh = d_h @ p["weight_hh_l0" + direction] + around
        g |= {name + direction: value for name, value in total.items()}
    return loss, g


def train(cell, initial, images, labels, order, rate, batch, steps):
    """One run for `steps` steps of Adam. Returns its parameters and the losses of all steps."""
    p = {name: value.astype(numpy.float64) for name, value in initial.items()}
    m = {name: numpy.zeros_like(value) for name, value in p.items()}
    v = {name: numpy.zeros_like(value) for name, value in p.items()}
    table, losses = order_table(*order, batch, len(labels)), []
    for step in range(steps):
        index = table[step % len(table)]
        loss, g = loss_and_gradient(cell, p, images[index] / 255.0, labels[index])
        losses.append(loss)
        for name in p:
            m[name] = BETA1 * m[name] + (1 - BETA1) * g[name]
            v[name] = BETA2 * v[name] + (1 - BETA2) * g[name] ** 2
            denominator = numpy.sqrt(v[name] / (1 - BETA2 ** (step + 1))) + EPS
            p[name] -= rate * m[name] / (1 - BETA1 ** (step + 1)) / denominator
    return p, losses
