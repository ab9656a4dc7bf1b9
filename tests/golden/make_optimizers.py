"""Golden numbers of the optimizers, clipping, penalties and averages: ten steps each, by PyTorch.

    python3 tests/golden/make_optimizers.py

writes optimizers.txt: a tiny tanh network trained for ten steps by every optimizer and variant, in float64 from float32
parameters. The settings are named as in kernels/hyper.h; what PyTorch lacks is written here beside it.
"""

import pathlib

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from golden_file import GoldenFile
from make_birnn import Classifier, parameter_name

HERE = pathlib.Path(__file__).parent
STEPS, BATCHES, BATCH = 10, 3, 4
DECOUPLED = ("sgd", "adam", "nadam", "rmsprop")


def make_optimizer(net, hyper):
    name, rate = hyper["optimizer"], hyper["learning_rate"]
    coupled = 0.0 if hyper.get("decoupled_weight_decay") else hyper.get("weight_decay", 0.0)
    betas = (hyper.get("beta1", 0.9), hyper.get("beta2", 0.999))
    eps = hyper.get("eps", 1e-8)
    parameters = net.parameters()
    if name == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=hyper.get("momentum", 0.0), weight_decay=coupled,
                               nesterov=bool(hyper.get("nesterov", 0)))
    if name == "adam":
        return torch.optim.Adam(parameters, rate, betas, eps, weight_decay=coupled)
    if name == "adamw":
        return torch.optim.AdamW(parameters, rate, betas, eps, weight_decay=hyper.get("weight_decay", 0.0))
    if name == "nadam":
        # The loop over tensors of 1.13 counts mu twice in the product of the next step; its fused lists do not, nor does
        # any form of later versions (pytorch/pytorch pull request 92699).
        return torch.optim.NAdam(parameters, rate, betas, eps, weight_decay=coupled,
                                 momentum_decay=hyper.get("momentum_decay", 0.004), foreach=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, hyper.get("alpha", 0.99), eps, weight_decay=coupled,
                                   momentum=hyper.get("momentum", 0.0))
    raise ValueError(name)


def make_average(net, hyper):
    """Made just before the update polyak_start_step, so that an exponential average starts as a copy of the parameters
    then; a uniform one starts as a copy of those after the update, which are the first it counts."""
    if hyper["polyak"] == "uniform":
        return AveragedModel(net)
    decay = hyper["polyak_decay"]
    average = AveragedModel(net, avg_fn=lambda average, new, count: average + (1 - decay) * (new - average))
    average.n_averaged.fill_(1)  # with 0, the first update would copy
    return average


def penalise(net, hyper):
    """What PyTorch leaves to its users: L1, and decay apart from the gradient where the optimizer has none."""
    with torch.no_grad():
        for p in net.parameters():
            p.grad.add_(hyper.get("l1", 0.0) * torch.sign(p))
            if hyper["optimizer"] in DECOUPLED and hyper.get("decoupled_weight_decay"):
                p.mul_(1 - hyper["learning_rate"] * hyper["weight_decay"])


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def clip(net, hyper):
    """By norm, then by value."""
    if hyper.get("clip_norm"):
        nn.utils.clip_grad_norm_(net.parameters(), hyper["clip_norm"])
    if hyper.get("clip_value"):
        nn.utils.clip_grad_value_(net.parameters(), hyper["clip_value"])


def run(golden, name, start, batches, hyper):
    net = Classifier("rnn_tanh", 2, 3, 1, True, "final_states", 3).double()
    net.load_state_dict(start)
    optimizer = make_optimizer(net, hyper)
    average = None
    gradients, parameters, averages = [], [], []
    for step in range(STEPS):
        pixels, labels = batches[step % BATCHES]
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(pixels.double() / 255), labels).backward()
        gradients.append(flat(p.grad for p in net.parameters()))
        clip(net, hyper)
        penalise(net, hyper)
        if step == hyper.get("polyak_start_step"):
            average = make_average(net, hyper)
        optimizer.step()
        parameters.append(flat(net.parameters()))
        if average:
            average.update_parameters(net)
            averages.append(flat(average.parameters()))
    golden.case(name, **hyper)
    golden.array("gradients", torch.stack(gradients))
    golden.array("parameters", torch.stack(parameters))
    if average:
        golden.array("averages", torch.stack(averages))


def variants():
    """Name -> what differs from the defaults of kernels/hyper.h. Rates are float32 numbers, so that nobody rounds."""
    sgd = dict(optimizer="sgd", learning_rate=0.5)
    adam = dict(optimizer="adam", learning_rate=0.0625)
    adamw = dict(optimizer="adamw", learning_rate=0.0625)
    nadam = dict(optimizer="nadam", learning_rate=0.0625)
    rmsprop = dict(optimizer="rmsprop", learning_rate=0.03125)
    return {
        "sgd": sgd,
        "sgd_momentum": sgd | dict(momentum=0.9),
        "sgd_nesterov": sgd | dict(momentum=0.9, nesterov=1),
        "sgd_weight_decay": sgd | dict(weight_decay=0.125),
        "sgd_momentum_weight_decay": sgd | dict(momentum=0.875, weight_decay=0.125),
        "sgd_decoupled": sgd | dict(momentum=0.9, weight_decay=0.125, decoupled_weight_decay=1),
        "adam": adam,
        "adam_betas": adam | dict(beta1=0.5, beta2=0.9, eps=1e-3),
        "adam_weight_decay": adam | dict(weight_decay=0.125),
        "adam_decoupled": adam | dict(weight_decay=0.125, decoupled_weight_decay=1),
        "adamw": adamw,
        "adamw_weight_decay": adamw | dict(weight_decay=0.125),
        "nadam": nadam,
        "nadam_weight_decay": nadam | dict(weight_decay=0.125, momentum_decay=0.125),
        "nadam_decoupled": nadam | dict(weight_decay=0.125, decoupled_weight_decay=1),
        "rmsprop": rmsprop,
        "rmsprop_momentum": rmsprop | dict(momentum=0.75, alpha=0.875),
        "rmsprop_weight_decay": rmsprop | dict(weight_decay=0.125),
        "rmsprop_decoupled": rmsprop | dict(weight_decay=0.125, decoupled_weight_decay=1),
        "sgd_clip_norm": sgd | dict(clip_norm=0.25),
        "sgd_clip_value": sgd | dict(clip_value=0.0625),
        "sgd_clip_both": sgd | dict(momentum=0.9, clip_norm=0.25, clip_value=0.0625),
        "adam_clip_norm": adam | dict(clip_norm=0.25, weight_decay=0.125),
        "sgd_l1": sgd | dict(l1=0.015625),
        "adam_l1_clip_norm_weight_decay": adam | dict(l1=0.015625, clip_norm=0.25, weight_decay=0.125),
        "sgd_polyak_exponential": sgd | dict(polyak="exponential", polyak_decay=0.875, polyak_start_step=0),
        "adam_polyak_exponential_late": adam | dict(polyak="exponential", polyak_decay=0.875, polyak_start_step=4),
        "sgd_polyak_uniform": sgd | dict(polyak="uniform", polyak_start_step=0),
        "adam_polyak_uniform_late": adam | dict(polyak="uniform", polyak_start_step=4),
    }


def main():
    golden = GoldenFile(f"""
Ten optimizer steps of a tanh network: D = 2, H = 3, bidirectional, 1 layer, final_states, 3 classes. The case `start`
holds the parameters before the first step and {BATCHES} batches of {BATCH}; step t uses batch t mod {BATCHES}. Every other case is one
variant, its settings named as in kernels/hyper.h: `gradients` [steps, parameters] before clipping and penalties,
`parameters` [steps, parameters] after each step, `averages` after each step from polyak_start_step on: exponential
from a copy of the parameters before that step, uniform over the parameters after that step and later. Parameters are flattened in PyTorch's order. Order of a step: clip by norm,
clip by value, add l1 * sign(p), decay, update. Decoupled decay is p *= 1 - rate * decay before the update.""")
    generator = torch.Generator().manual_seed(11)
    net = Classifier("rnn_tanh", 2, 3, 1, True, "final_states", 3).double()
    golden.case("start", cell="rnn_tanh", layers=1, bidirectional=1, readout="final_states", hidden=3, classes=3)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) * 1.6 - 0.8)
            golden.array(parameter_name(name), parameter)
    pixels = torch.randint(0, 256, (BATCHES, BATCH, 4, 2), generator=generator)
    labels = torch.randint(0, 3, (BATCHES, BATCH), generator=generator)
    golden.array("pixels", pixels)
    golden.array("labels", labels)
    for name, hyper in variants().items():
        run(golden, name, net.state_dict(), list(zip(pixels, labels)), hyper)
    golden.write(HERE / "optimizers.txt")


if __name__ == "__main__":
    main()
