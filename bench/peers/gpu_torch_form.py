"""What the PyTorch forms of gpu_peers.py share: the data and numbers of the work on a device, timing, graph capture."""

import time

import numpy
import torch

from gpu_task import initial_bound, learning_rates, order_table, orders, parameter_shapes

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
# The loss is multiplied by this, and Adam's epsilon with it, which then computes the same update: small gradients
# survive fp16.
LOSS_SCALE = {"fp16": 1024.0}


class Work:
    """A point's data, learning rates, orders and initial parameters, on a device."""

    def __init__(self, point, images, labels, initial=None):
        self.point, self.images, self.labels, self.initial = point, images, labels, initial
        self.device, self.cuda = images.device, images.is_cuda
        self.dtype = torch.float64 if point.precision == "fp64" else torch.float32
        self.autocast = AUTOCAST.get(point.precision)
        self.scale = LOSS_SCALE.get(point.precision, 1.0)
        self.examples = len(labels)
        self.rates = learning_rates(point.trials)
        self.multipliers, self.offsets = orders(point.trials, self.examples)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = point.precision == "tf32"

    def tensor(self, values, dtype=None):
        return torch.tensor(numpy.asarray(values), dtype=dtype or self.dtype, device=self.device)

    def order_of(self, trial):
        """[S, B] example numbers: the batches of one run, in order, until they begin again."""
        table = order_table(self.multipliers[trial], self.offsets[trial], self.point.batch_size, self.examples)
        return self.tensor(table, torch.int64)

    def orders_on_device(self):
        """Multipliers and offsets of all runs, [N, 1] each."""
        return (self.tensor(v, torch.int64)[:, None] for v in (self.multipliers, self.offsets))

    def parameters(self, trials=slice(None)):
        """Initial parameters [N, ...] of the runs asked for, by PyTorch's names."""
        shapes = parameter_shapes(self.point.cell, self.point.hidden_size)
        if self.initial is not None:
            return {name: self.tensor(self.initial[name][trials]) for name in shapes}
        count = len(range(self.point.trials)[trials])
        return {name: torch.empty((count, *shape), dtype=self.dtype, device=self.device).uniform_(-1, 1)
                * initial_bound(name, self.point.hidden_size) for name, shape in shapes.items()}


class Form:
    """A way to train. call() trains `steps_per_call` steps of all its `runs`, without waiting for the device."""

    runs = 1
    steps_per_call = 1

    def __init__(self, work):
        self.work = work
        self.graph = None

    def step(self):
        raise NotImplementedError

    def reset(self):
        """Back to the initial state, in place."""
        raise NotImplementedError

    def call(self):
        if self.graph:
            return self.graph.replay()
        for _ in range(self.steps_per_call):
            self.step()

    def run(self, calls):
        """Seconds that so many calls take, by the device's clock."""
        if not self.work.cuda:
            began = time.perf_counter()
            for _ in range(calls):
                self.call()
            return time.perf_counter() - began
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            self.call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    def capture(self):
        """Records `steps_per_call` steps as a CUDA graph; on a CPU, calls go on step by step."""
        if not self.work.cuda:
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # compiles, picks algorithms, makes the optimizer's state
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(self.steps_per_call):
                self.step()
        self.graph = graph
        self.reset()


def compiled(function, work, **options):
    """torch.compile on a GPU, where it fuses; on a CPU the function as it is."""
    if not work.cuda:
        return function
    return torch.compile(function, dynamic=False, **options)
