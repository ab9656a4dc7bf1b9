"""Golden numbers of whole trainings: everything between a run's seeds and its metrics, by PyTorch.

    python3 tests/golden/make_training.py

writes training.txt. Initial weights, the order of the examples, the split and the dropout masks are made here a second
time from the descriptions in kernels/math (philox.h, permutation.h, init.h, dropout.h); the training is PyTorch's, in
float64: modules, gradients, clipping, optimizers, schedulers, averages.
"""

import pathlib

import numpy
import torch
from torch import nn
from torch.optim import lr_scheduler

from golden_file import GoldenFile, pixel_values
from make_birnn import Classifier, DroppedClassifier, dropout_mask, parameter_name, philox
from make_optimizers import clip, flat, make_average, make_optimizer, penalise
from make_schedules import rates

HERE = pathlib.Path(__file__).parent
INIT, ORDER, SPLIT = 0, 1, 4  # streams
TRAIN, TEST, STEPS, INPUTS, CLASSES = 103, 37, 6, 5, 4


def initial_parameters(net, seed):
    """Uniform in [-bound, bound), bound = 1 / sqrt(hidden size), for the head 1 / sqrt(its inputs); in float32."""
    one = numpy.float32(1)
    fan_in = net.fc.weight.shape[1]
    hidden = dict(net.named_parameters())[next(n for n, _ in net.named_parameters() if "weight_hh" in n)].shape[1]
    with torch.no_grad():
        for tensor, (name, parameter) in enumerate(net.named_parameters()):
            bound = one / numpy.sqrt(numpy.float32(fan_in if name.startswith("fc.") else hidden))
            values = []
            for element in range(parameter.numel()):
                word = philox((element // 4, 0, tensor, INIT), seed)[element % 4]
                values.append(float((numpy.float32(2) * numpy.float32((word >> 8) / 2**24) - one) * bound))
            parameter.copy_(torch.tensor(values, dtype=torch.float64).reshape(parameter.shape))


def permutation(seed, stream, epoch, n):
    """The keyed bijection of [0, n): eight Feistel rounds over halves of equal width, walked on until inside."""
    mask32 = 2**32 - 1
    half = 1
    while 4**half < n:
        half += 1
    keys = philox((0, epoch, 0, stream), seed) + philox((1, epoch, 0, stream), seed)

    def scrambled(x, key):
        x = (x ^ key) * 0x85EBCA6B & mask32
        x = (x ^ x >> 13) * 0xC2B2AE35 & mask32
        return x ^ x >> 16

    found = []
    for i in range(n):
        while True:
            left, right = i >> half, i & (1 << half) - 1
            for key in keys:
                left, right = right, left ^ scrambled(right, key) & (1 << half) - 1
            i = left << half | right
            if i < n:
                break
        found.append(i)
    return torch.tensor(found)


def step_rates(hyper, steps):
    """The rate of every step: a linear warm-up, then PyTorch's scheduler on its own clock."""
    rate, warm = hyper["learning_rate"], hyper.get("warmup_steps", 0)
    kind, length = hyper.get("schedule", "constant"), steps - hyper.get("warmup_steps", 0)
    made = {
        "constant": lambda o: lr_scheduler.LambdaLR(o, lambda _: 1.0),
        "step": lambda o: lr_scheduler.StepLR(o, hyper["step_size"], hyper["gamma"]),
        "linear": lambda o: lr_scheduler.LinearLR(o, 1.0, hyper["end_factor"], length),
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, length, hyper["eta_min"]),
        "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, rate, length, pct_start=0.25, div_factor=8.0,
                                                       final_div_factor=16.0, cycle_momentum=False),
    }[kind]
    return [rate * (t + 1) / warm for t in range(warm)] + rates(made, rate, length).tolist()


def evaluate(net, x, y):
    """Mean cross-entropy, without smoothing and dropout, and hits."""
    if hasattr(net, "masks"):
        net.masks = [1.0] * len(net.masks)  # the next training step sets its own
    with torch.no_grad():
        logits = net(x)
        return nn.functional.cross_entropy(logits, y).item(), (logits.argmax(1) == y).sum().item()


def train(golden, name, cell, layers, readout, hidden, batch, rung, steps, hyper, bidirectional=True,
          validate_on_test=False, standardize=False, smoothing=0.0, dropout=0.0, seeds=(11, 12, 13, 14)):
    seed_init, seed_order, seed_dropout, seed_split = seeds
    pixels = pixel_values((TRAIN + TEST) * STEPS * INPUTS).reshape(-1, STEPS, INPUTS)
    labels = pixels[:, 0, 0] * CLASSES // 256
    held_out = 0 if validate_on_test else 30
    count = TRAIN - held_out
    split = torch.arange(TRAIN) if validate_on_test else permutation(seed_split, SPLIT, 0, TRAIN)
    x = pixels.double() / 255
    if standardize:
        seen = x[split[:count]]
        x = (x - seen.mean()) / seen.std(unbiased=False)
    if dropout:
        assert bidirectional and readout == "final_states"
        net = DroppedClassifier(cell, INPUTS, hidden, layers, CLASSES, [1.0] * (layers - 1)).double()
    else:
        net = Classifier(cell, INPUTS, hidden, layers, bidirectional, readout, CLASSES).double()
    initial_parameters(net, seed_init)
    optimizer = make_optimizer(net, hyper)
    rate = step_rates(hyper, steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=smoothing)
    validation = torch.arange(TRAIN, TRAIN + TEST) if validate_on_test else split[count:]
    test = torch.arange(TRAIN, TRAIN + TEST)
    average, rungs = None, []
    loss_sum = correct = examples = 0
    batches = -(-count // batch)
    for step in range(steps):
        epoch, first = step // batches, step % batches * batch
        order = permutation(seed_order, ORDER, epoch, count)
        chosen = split[order[first : first + batch]]
        if dropout:
            net.masks = [dropout_mask(len(chosen), STEPS, hidden, k, dropout, seed_dropout, step)
                         for k in range(1, layers)]
        optimizer.param_groups[0]["lr"] = rate[step]
        optimizer.zero_grad()
        logits = net(x[chosen])
        loss = criterion(logits, labels[chosen])
        loss.backward()
        loss_sum += loss.item() * len(chosen)
        correct += (logits.argmax(1) == labels[chosen]).sum().item()
        examples += len(chosen)
        clip(net, hyper)
        penalise(net, hyper)
        if step == hyper.get("polyak_start_step"):
            average = make_average(net, hyper)
        optimizer.step()
        if average:
            average.update_parameters(net)
        if (step + 1) % rung == 0 or step + 1 == steps:
            row = [step + 1, loss_sum / examples, correct, examples, *evaluate(net, x[validation], labels[validation])]
            if "polyak" in hyper:  # before its first step an average is the parameters
                row += evaluate(average.module if average else net, x[validation], labels[validation])
            rungs.append(row)
            loss_sum = correct = examples = 0
    golden.case(name, cell=cell, layers=layers, readout=readout, hidden=hidden, classes=CLASSES, batch=batch,
                rung_steps=rung, total_steps=steps, bidirectional=bidirectional, validate_on_test=validate_on_test,
                validation_examples=held_out, standardize=standardize, label_smoothing=smoothing, dropout=dropout,
                seed_init=seed_init, seed_order=seed_order, seed_dropout=seed_dropout, seed_split=seed_split, **hyper)
    golden.array("reports", torch.tensor(rungs, dtype=torch.float64))
    golden.array("test", torch.tensor(evaluate(net, x[test], labels[test]), dtype=torch.float64))
    golden.array("parameters", flat(net.parameters()))
    if average:
        golden.array("averaged_test", torch.tensor(evaluate(average.module, x[test], labels[test]), dtype=torch.float64))
        golden.array("averages", flat(average.parameters()))


def main():
    golden = GoldenFile(f"""
Whole trainings. The data: {TRAIN} training and {TEST} test examples of {STEPS} steps and {INPUTS} features, whose pixels are
pixel_values, one after another, and whose labels are the first pixel * {CLASSES} div 256. Settings are named as in
kernels/hyper.h and engine/run.h. A row of `reports`: step; mean loss, hits and number of the training examples since
the last report; loss and hits on the validation examples; the same of the averages, if any. `test`, `averaged_test`:
loss and hits. `parameters` and `averages` at the end, in PyTorch's order.""")
    train(golden, "lstm_adamw", "lstm", 2, "final_states", 6, 20, 4, 14,
          dict(optimizer="adamw", learning_rate=0.03125, weight_decay=0.125, clip_norm=0.5, schedule="cosine",
               eta_min=0.00390625, warmup_steps=3, polyak="exponential", polyak_decay=0.75, polyak_start_step=2),
          standardize=True, dropout=0.25)
    train(golden, "gru_sgd", "gru", 1, "mean", 9, 25, 5, 13,
          dict(optimizer="sgd", learning_rate=0.25, momentum=0.875, nesterov=1, weight_decay=0.0078125, schedule="step",
               step_size=4, gamma=0.5), validate_on_test=True, smoothing=0.125)
    train(golden, "tanh_rmsprop", "rnn_tanh", 1, "last_step", 5, 32, 3, 12,
          dict(optimizer="rmsprop", learning_rate=0.0078125, momentum=0.5, l1=0.001953125, clip_value=0.0625,
               schedule="one_cycle", pct_start=0.25, div_factor=8.0, final_div_factor=16.0, polyak="uniform",
               polyak_start_step=5))
    train(golden, "relu_nadam", "rnn_relu", 2, "last_step", 7, 73, 2, 9,
          dict(optimizer="nadam", learning_rate=0.015625, weight_decay=0.0625, schedule="linear", end_factor=0.25,
               warmup_steps=2), bidirectional=False, seeds=(2**64 - 1, 2**40 + 3, 0, 2**33))
    golden.write(HERE / "training.txt")


if __name__ == "__main__":
    main()
