"""Golden numbers of the recurrent classifier: logits, loss and every gradient, by PyTorch.

    python3 tests/golden/make_birnn.py

writes birnn.txt (small shapes, everything written out) and birnn_large.txt (shapes that fill and overflow the blocks of
a fast kernel; inputs and parameters from a formula, gradients as sums, norms and weighted sums). Everything is computed in float64 from
parameters that are float32 numbers, so what a float32 program differs by is its own rounding.
"""

import pathlib

import torch
from torch import nn

from golden_file import GoldenFile, parameter_values, pixel_values

HERE = pathlib.Path(__file__).parent
CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
READOUTS = ("last_step", "final_states", "mean")


class Classifier(nn.Module):
    """A recurrent network read out by a linear head, as users of PyTorch write it. Input [B, T, D]."""

    def __init__(self, cell, inputs, hidden, layers, bidirectional, readout, classes):
        super().__init__()
        options = dict(num_layers=layers, batch_first=True, bidirectional=bidirectional)
        if cell == "lstm":
            self.recurrent = nn.LSTM(inputs, hidden, **options)
        elif cell == "gru":
            self.recurrent = nn.GRU(inputs, hidden, **options)
        else:
            self.recurrent = nn.RNN(inputs, hidden, nonlinearity=cell[4:], **options)
        self.directions = 2 if bidirectional else 1
        self.readout = readout
        self.fc = nn.Linear(hidden * self.directions, classes)

    def forward(self, x):
        out, states = self.recurrent(x)
        if self.readout == "last_step":
            return self.fc(out[:, -1])
        if self.readout == "mean":
            return self.fc(out.mean(1))
        h = states[0] if isinstance(states, tuple) else states  # [layers * directions, B, H]
        return self.fc(torch.cat(list(h[-self.directions :]), 1))


class DroppedClassifier(nn.Module):
    """The same with dropout between layers by masks that are given: one recurrent module a layer."""

    def __init__(self, cell, inputs, hidden, layers, classes, masks):
        super().__init__()
        parts = [Classifier(cell, inputs if k == 0 else 2 * hidden, hidden, 1, True, "final_states", classes)
                 for k in range(layers)]
        self.layers = nn.ModuleList(part.recurrent for part in parts)
        self.fc = parts[-1].fc
        self.masks = masks

    def forward(self, x):
        for k, layer in enumerate(self.layers):
            out, states = layer(x if k == 0 else out * self.masks[k - 1])
        h = states[0] if isinstance(states, tuple) else states
        return self.fc(torch.cat([h[0], h[1]], 1))


def parameter_name(name):
    """`recurrent.weight_ih_l0` is `weight_ih_l0`, `layers.1.weight_ih_l0` is `weight_ih_l1`; `fc.weight` stays."""
    if name.startswith("layers."):
        _, layer, rest = name.split(".")
        return rest.replace("_l0", f"_l{layer}")
    return name.replace("recurrent.", "")


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011) of four 32-bit words under a 64-bit key."""
    mask = 2**32 - 1
    c, k0, k1 = list(counter), key & mask, key >> 32
    for _ in range(10):
        high, low = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(low >> 32) ^ c[1] ^ k0, low & mask, (high >> 32) ^ c[3] ^ k1, high & mask]
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c


def dropout_mask(batch, steps, hidden, layer, p, seed, step):
    """Factors [B, T, 2 H] of the input of layer 1, 2, ..., by the law of kernels/dropout.h: an element's number counts
    a direction's features as if they were a multiple of 8; word number % 4 at counter {number / 4, step, layer, 2}
    drops the element when its upper 24 bits are below p 2^24."""
    padded = (hidden + 7) // 8 * 8
    mask = torch.empty(batch, steps, 2 * hidden, dtype=torch.float64)
    for b in range(batch):
        for t in range(steps):
            for j in range(2 * hidden):
                number = ((b * steps + t) * 2 + j // hidden) * padded + j % hidden
                word = philox((number // 4, step, layer, 2), seed)[number % 4]
                mask[b, t, j] = 0.0 if (word >> 8) < p * 2**24 else 1 / (1 - p)
    return mask


def describe(cell, layers, bidirectional, readout, smoothing):
    return dict(cell=cell, layers=layers, bidirectional=bidirectional, readout=readout, label_smoothing=smoothing)


def build(setting, inputs, hidden, classes, fill):
    """The network with parameter k (in the order of the state dict) set to fill(k, tensor)."""
    net = Classifier(setting["cell"], inputs, hidden, setting["layers"], setting["bidirectional"], setting["readout"],
                     classes).double()
    with torch.no_grad():
        for k, parameter in enumerate(net.parameters()):
            parameter.copy_(fill(k, parameter))
    return net


def run(net, pixels, labels, smoothing):
    logits = net(pixels.double() / 255)
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, labels)
    loss.backward()
    return logits, loss


def write_case(golden, name, setting, net, pixels, labels, logits, loss):
    golden.case(name, **setting)
    golden.array("pixels", pixels)
    golden.array("labels", labels)
    for key, parameter in net.named_parameters():
        golden.array(parameter_name(key), parameter)
    golden.array("logits", logits)
    golden.array("loss", loss)
    for key, parameter in net.named_parameters():
        golden.array("grad_" + parameter_name(key), parameter.grad)


def dropout_case(golden, cell, layers, steps=4, inputs=3, hidden=3, batch=17, classes=5):
    generator = torch.Generator().manual_seed(77)
    use = dict(dropout=0.25, dropout_seed=12345678901, dropout_step=7)
    masks = [dropout_mask(batch, steps, hidden, k, *use.values()) for k in range(1, layers)]
    net = DroppedClassifier(cell, inputs, hidden, layers, classes, masks).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) * 1.6 - 0.8)
    pixels = torch.randint(0, 256, (batch, steps, inputs), generator=generator)
    labels = torch.randint(0, classes, (batch,), generator=generator)
    logits, loss = run(net, pixels, labels, 0.0)
    setting = describe(cell, layers, True, "final_states", 0.0) | dict(hidden=hidden, classes=classes) | use
    write_case(golden, f"{cell}_{layers}_dropout", setting, net, pixels, labels, logits, loss)


def small_case(golden, name, setting, steps=5, inputs=3, hidden=4, batch=3, classes=5):
    generator = torch.Generator().manual_seed(len(golden.lines) + 1)

    def fill(_, parameter):  # wide enough to bend the activations
        return torch.rand(parameter.shape, generator=generator) * 1.6 - 0.8

    alive = False
    while not alive:  # a tiny relu network may be dead, and then tests nothing
        net = build(setting, inputs, hidden, classes, fill)
        pixels = torch.randint(0, 256, (batch, steps, inputs), generator=generator)
        labels = torch.randint(0, classes, (batch,), generator=generator)
        logits, loss = run(net, pixels, labels, setting["label_smoothing"])
        alive = all(parameter.grad.any() for key, parameter in net.named_parameters() if "weight_ih" in key)
    write_case(golden, name, setting | dict(hidden=hidden, classes=classes), net, pixels, labels, logits, loss)


def large_case(golden, name, setting, steps, inputs, hidden, batch, classes=10, scale=0.125):
    def fill(k, parameter):
        return parameter_values(k, parameter.numel(), scale).reshape(parameter.shape)

    net = build(setting, inputs, hidden, classes, fill)
    pixels = pixel_values(batch * steps * inputs).reshape(batch, steps, inputs)
    labels = torch.arange(batch) * 7 % classes
    logits, loss = run(net, pixels, labels, setting["label_smoothing"])
    golden.case(name, **setting, steps=steps, inputs=inputs, hidden=hidden, batch=batch, classes=classes, scale=scale)
    golden.array("logits", logits)
    golden.array("loss", loss)
    for k, (key, parameter) in enumerate(net.named_parameters()):
        g = parameter.grad.reshape(-1)
        weights = [parameter_values(1000 + 10 * k + j, g.numel(), 1.0) for j in range(3)]
        golden.array("summary_" + parameter_name(key), torch.stack([g.sum(), g.norm()] + [(g * w).sum() for w in weights]))
        golden.array("first_" + parameter_name(key), g[:8])
        golden.array("last_" + parameter_name(key), g[-8:])


def small_file():
    golden = GoldenFile("""
Recurrent classifier, small shapes. A case gives pixels [B, T, D] (the input is pixel / 255), labels [B], the parameters
in PyTorch's order and layout (gates i f g o for lstm, r z n for gru), logits [B, classes], the mean cross-entropy
`loss`, and grad_NAME, its gradient by each parameter. With dropout the masks are those of dropout_seed at
dropout_step.""")
    for cell in CELLS:
        for layers in (1, 2):
            for readout in READOUTS:
                small_case(golden, f"{cell}_{layers}_bi_{readout}", describe(cell, layers, True, readout, 0.0))
        small_case(golden, f"{cell}_2_uni_last_step", describe(cell, 2, False, "last_step", 0.0))
        small_case(golden, f"{cell}_1_uni_mean", describe(cell, 1, False, "mean", 0.0))
        small_case(golden, f"{cell}_1_uni_final_states", describe(cell, 1, False, "final_states", 0.0))
        small_case(golden, f"{cell}_1_smooth", describe(cell, 1, True, "final_states", 0.1))
        small_case(golden, f"{cell}_2_odd", describe(cell, 2, True, "final_states", 0.0), hidden=10, batch=19)
        small_case(golden, f"{cell}_3_least", describe(cell, 3, True, "last_step", 0.0), steps=1, inputs=1, hidden=1,
                   batch=1, classes=2)
        dropout_case(golden, cell, 3)
    golden.write(HERE / "birnn.txt")


def large_file():
    golden = GoldenFile("""
Recurrent classifier, large shapes. Parameter k in PyTorch's order is parameter_values(k, size, scale), the pixels are
pixel_values(B * T * D), label b is 7 b mod classes (golden_file.py; tests/support/golden.h has the same formulas).
summary_NAME is about the gradient g by NAME: its sum, its Euclidean norm, and its products with
parameter_values(1000 + 10 k + j, size, 1), j = 0, 1, 2; first_NAME and last_NAME are its first and last entries.""")
    for cell in CELLS:
        large_case(golden, f"{cell}_37", describe(cell, 2, True, "final_states", 0.0), steps=28, inputs=28, hidden=37,
                   batch=33)
        large_case(golden, f"{cell}_128", describe(cell, 1, True, "last_step", 0.05), steps=28, inputs=28, hidden=128,
                   batch=100)
    golden.write(HERE / "birnn_large.txt")


if __name__ == "__main__":
    small_file()
    large_file()
