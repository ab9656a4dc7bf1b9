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
        self.head = nn.Linear(hidden * self.directions, classes)

    def forward(self, x):
        out, states = self.recurrent(x)
        if self.readout == "last_step":
            return self.head(out[:, -1])
        if self.readout == "mean":
            return self.head(out.mean(1))
        h = states[0] if isinstance(states, tuple) else states  # [layers * directions, B, H]
        return self.head(torch.cat(list(h[-self.directions :]), 1))


def parameter_name(name):
    """`recurrent.weight_ih_l0` is `weight_ih_l0`; `head.weight` stays."""
    return name.replace("recurrent.", "")


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
    golden.case(name, **setting, hidden=hidden, classes=classes)
    golden.array("pixels", pixels)
    golden.array("labels", labels)
    for key, parameter in net.named_parameters():
        golden.array(parameter_name(key), parameter)
    golden.array("logits", logits)
    golden.array("loss", loss)
    for key, parameter in net.named_parameters():
        golden.array("grad_" + parameter_name(key), parameter.grad)


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
`loss`, and grad_NAME, its gradient by each parameter.""")
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
