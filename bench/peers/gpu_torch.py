#!/usr/bin/env python3
"""PyTorch's side of gpu_peers.py: forms P0 to P6.

P0  one run after another: nn.LSTM / GRU / RNN, Adam (fused on a GPU), eager
P1  the whole step as a CUDA graph, 1 or 16 steps a replay
P2  torch.compile (gpu_torch_cells.py)
P3  several processes of P1 (started by gpu_peers.py)
P4  several graphs of P1 on streams of one process
P5  torch.func.vmap over a hand-written cell (gpu_torch_cells.py)
P6  stacked weights, baddbmm, fused cells, hand-written backward, graphed (gpu_torch_batched.py)

    python3 bench/peers/gpu_torch.py --check       every form against the NumPy reference; runs on a CPU too

Written for PyTorch 2.11; on 1.13 without a GPU the checks run but for what it does not have.
"""

import gc
import sys

import torch
from torch import nn

import gpu_worker
from birnn_torch import BiRnn
from gpu_task import BETA1, BETA2, EPS, FEATURES, Point
from gpu_torch_batched import Batched
from gpu_torch_cells import Compiled, Vmapped
from gpu_torch_form import Form, Work


def in_module(name):
    """The name of a parameter inside BiRnn."""
    return name.replace("fc.", "head.") if name.startswith("fc.") else "recurrent." + name


class Eager(Form):
    """P0: one run by torch.nn and torch.optim."""

    capturable = False

    def __init__(self, work, trial=0):
        super().__init__(work)
        point = work.point
        self.net = BiRnn(point.cell, FEATURES, point.hidden_size, 1, "final_states").to(work.device, work.dtype)
        if work.cuda:
            self.net.recurrent.flatten_parameters()
        self.initial = {in_module(k): v[0] for k, v in work.parameters(slice(trial, trial + 1)).items()}
        self.net.load_state_dict(self.initial)
        rate = float(work.rates[trial])
        options = dict(fused=True, capturable=self.capturable) if work.cuda else {}
        if options and self.capturable:  # data of the graph, so that the next run replays it with another rate
            rate = work.tensor(rate, torch.float32)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, betas=(BETA1, BETA2), eps=EPS * work.scale,
                                          **options)
        self.table = work.order_of(trial)
        self.at = 0

    def loss_of(self, x, labels):
        return nn.functional.cross_entropy(self.net(x), labels)

    def train(self, index):
        work = self.work
        x = work.images.index_select(0, index).to(work.dtype).mul_(1 / 255)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(work.device.type, dtype=work.autocast or torch.bfloat16, enabled=work.autocast is not None,
                            cache_enabled=False):
            loss = self.loss_of(x, work.labels.index_select(0, index))
        (loss * work.scale if work.scale != 1 else loss).backward()
        self.optimizer.step()
        self.loss = loss.detach()

    def step(self):
        self.train(self.table[self.at])
        self.at = (self.at + 1) % len(self.table)

    def losses(self):
        return [self.loss.item()]

    def parameters(self):
        state = self.net.state_dict()
        return {k: state[in_module(k)][None].cpu().numpy() for k in self.work.parameters(slice(0, 1))}


class Graphed(Eager):
    """P1: which batch is next is a number on the device, so that a whole step can be replayed."""

    capturable = True

    def __init__(self, work, trial=0, steps_per_call=1):
        super().__init__(work, trial)
        self.steps_per_call = steps_per_call
        self.cursor = torch.zeros(1, dtype=torch.int64, device=work.device)
        self.capture()

    def step(self):
        self.train(self.table.index_select(0, self.cursor)[0])
        self.cursor.add_(1).remainder_(len(self.table))

    def reset(self):
        self.net.load_state_dict(self.initial)
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()
        self.cursor.zero_()


class Streams(Form):
    """P4: `runs` graphs, each on a stream of its own."""

    def __init__(self, work):
        super().__init__(work)
        if not work.cuda:
            raise gpu_worker.Unavailable("streams need a GPU")
        self.runs = work.point.trials
        self.members = [Graphed(work, trial) for trial in range(self.runs)]
        self.streams = [torch.cuda.Stream() for _ in self.members]

    def run(self, calls):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for stream in self.streams:
            stream.wait_event(start)
        for _ in range(calls):
            for stream, member in zip(self.streams, self.members):
                with torch.cuda.stream(stream):
                    member.graph.replay()
        for stream in self.streams:
            torch.cuda.current_stream().wait_stream(stream)
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    def losses(self):
        return [member.losses()[0] for member in self.members]

    def parameters(self):
        return OneByOne.join(self.members)


class OneByOne(Form):
    """The runs of a check in a form that trains one run: one form a run."""

    def __init__(self, work, make):
        super().__init__(work)
        self.members = [make(work, trial) for trial in range(work.point.trials)]
        self.runs, self.steps_per_call = len(self.members), self.members[0].steps_per_call

    def call(self):
        for member in self.members:
            member.call()

    def losses(self):
        return [member.losses()[0] for member in self.members]

    def parameters(self):
        return self.join(self.members)

    @staticmethod
    def join(members):
        found = [member.parameters() for member in members]
        return {k: [p[k][0] for p in found] for k in found[0]}


MAKERS = {
    ("P0", "eager"): Eager,
    ("P1", "graph"): Graphed,
    ("P1", "graph, 16 steps"): lambda work, trial=0: Graphed(work, trial, 16 if work.initial is None else 2),
    ("P2", "compile, cuDNN"): lambda work, trial=0: Compiled(Eager(work, trial), "reduce-overhead", own_cell=False),
    ("P2", "compile, own cell"): lambda work, trial=0: Compiled(Eager(work, trial), "reduce-overhead", own_cell=True),
    ("P2", "max-autotune, own cell"): lambda work, trial=0: Compiled(Eager(work, trial), "max-autotune", own_cell=True),
    ("P3", "process"): Graphed,
    ("P4", "streams"): Streams,
    ("P5", "vmap, graph"): Vmapped,
    ("P5", "vmap, compile, graph"): lambda work: Vmapped(work, compile_all=True),
    ("P6", "batched, graph"): Batched,
}
ONE_RUN = ("P0", "P1", "P2", "P3")


class Torch:
    def __init__(self):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.held = None

    def describe(self):
        found = dict(framework="PyTorch " + torch.__version__, python=sys.version.split()[0], device=str(self.device))
        if self.device.type == "cuda":
            found |= dict(device=torch.cuda.get_device_name(), cuda=torch.version.cuda,
                          cudnn=torch.backends.cudnn.version(), memory=torch.cuda.get_device_properties(0).total_memory)
        return found

    def prepare(self, point, data, initial=None):
        if self.held is None or self.held[0] is not data:
            images, labels = data
            self.held = data, torch.from_numpy(images).to(self.device), torch.from_numpy(labels).long().to(self.device)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        torch.manual_seed(1)
        work, make = Work(point, *self.held[1:], initial), MAKERS[point.form, point.variant]
        if point.form in ONE_RUN and point.trials > 1:
            return OneByOne(work, make)
        return make(work)

    def peak_bytes(self, _):
        return torch.cuda.max_memory_reserved() if self.device.type == "cuda" else None

    def release(self):
        gc.collect()
        if hasattr(torch, "compile"):
            torch.compiler.reset()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.empty_cache()


def check_points(cell):
    """Every form in double, where a mistake cannot hide; the main ones in the precisions that are measured, too."""
    lower = ("fp32", "tf32", "bf16", "fp16") if torch.cuda.is_available() else ("fp32", "bf16")  # a CPU has no other
    for form, variant in MAKERS:
        if form == "P3" or "autotune" in variant:
            continue  # the same computation as P1 and as its neighbour
        slow = "compile" in variant  # seconds each to compile: the cells differ in nothing that compiling touches
        if not slow or cell == "lstm":
            yield Point(form, variant, "fp64", cell, **gpu_worker.CHECK)
        if cell == "lstm" and variant in ("eager", "graph", "vmap, graph", "batched, graph"):
            some = lower if form == "P6" or torch.cuda.is_available() and form != "P5" else lower[:1]
            yield from (Point(form, variant, precision, cell, **gpu_worker.CHECK) for precision in some)


if __name__ == "__main__":
    gpu_worker.main(Torch(), __doc__, check_points)
