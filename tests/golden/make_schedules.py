"""Golden numbers of the learning-rate schedules, by PyTorch.

    python3 tests/golden/make_schedules.py

writes schedules.txt. `rates` is what the optimizer's step 0, 1, ... is taken with.
"""

import pathlib

import torch
from torch.optim import lr_scheduler

from golden_file import GoldenFile

HERE = pathlib.Path(__file__).parent


def rates(make, rate, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], rate, momentum=0.9)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(found, dtype=torch.float64)


def main():
    golden = GoldenFile("""
Learning rates by PyTorch's schedulers, called once a step. A case names the scheduler and its arguments in PyTorch's
words; `rates` is the sequence.""")
    rate = 0.125

    def case(name, steps, **arguments):
        def make(optimizer):
            return getattr(lr_scheduler, name)(optimizer, **arguments)

        shown = {key: value for key, value in arguments.items() if key not in ("cycle_momentum", "anneal_strategy")}
        golden.case(f"{name}_{len(golden.lines)}", scheduler=name, learning_rate=rate, steps=steps, **shown)
        golden.array("rates", rates(make, rate, steps))

    case("StepLR", 25, step_size=1, gamma=0.875)
    case("StepLR", 25, step_size=7, gamma=0.5)
    case("ExponentialLR", 25, gamma=0.875)
    case("ExponentialLR", 60, gamma=0.9375)
    case("LinearLR", 30, start_factor=1.0, end_factor=0.25, total_iters=24)
    case("LinearLR", 25, start_factor=1.0, end_factor=0.0, total_iters=25)
    case("CosineAnnealingLR", 25, T_max=24, eta_min=0.0)
    case("CosineAnnealingLR", 41, T_max=40, eta_min=0.0078125)
    once = dict(max_lr=rate, cycle_momentum=False, anneal_strategy="cos")
    case("OneCycleLR", 40, total_steps=40, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, **once)
    case("OneCycleLR", 100, total_steps=100, pct_start=0.25, div_factor=10.0, final_div_factor=100.0, **once)
    case("OneCycleLR", 50, total_steps=50, pct_start=0.5, div_factor=4.0, final_div_factor=8.0, **once)
    golden.write(HERE / "schedules.txt")


if __name__ == "__main__":
    main()
