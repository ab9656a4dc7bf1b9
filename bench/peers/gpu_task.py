"""The work that every form in gpu_peers.py does, and numbers that all of them start from.

N runs of a bidirectional tanh, GRU or LSTM network over the 28 rows of an image, final states, a linear head of 10
classes, cross-entropy, Adam. Each run has its own learning rate and its own order of the examples. The data lie on the
device as bytes. Everything random is said in closed form here, so that all forms can be held to the same training.
"""

import dataclasses
import math
import pathlib
import statistics

import numpy

STEPS, FEATURES, CLASSES, EXAMPLES = 28, 28, 10, 60000
GATES = {"rnn_tanh": 1, "gru": 3, "lstm": 4}
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # PyTorch's defaults
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "fp64")
DIRECTIONS = ("", "_reverse")


@dataclasses.dataclass(frozen=True)
class Point:
    """One measurement: which form, and the shape of the work."""

    form: str  # "P0" .. "P7"
    variant: str = ""  # within the form
    precision: str = "fp32"
    cell: str = "lstm"
    hidden_size: int = 64
    batch_size: int = 64
    trials: int = 1

    def asdict(self):
        return dataclasses.asdict(self)

    def shape(self):
        return self.cell, self.hidden_size, self.batch_size

    def __str__(self):
        name = f"{self.form} {self.variant}".strip()
        return f"{name} {self.precision} {self.cell} H={self.hidden_size} B={self.batch_size} N={self.trials}"


def learning_rates(trials):
    """[N] from 1e-4 to 1e-2, evenly in the logarithm; numbers of float32, which some forms keep them in."""
    return (10.0 ** (-4 + 2 * (numpy.arange(trials) + 0.5) / trials)).astype(numpy.float32).astype(numpy.float64)


def orders(trials, examples, seed=1):
    """Multipliers and offsets [N]: run n sees example (multiplier[n] * p + offset[n]) mod examples at position p.

    A multiplier without a common factor with `examples` makes that a permutation; products fit in 32 bits unsigned.
    """
    assert examples**2 < 2**32
    generator = numpy.random.default_rng(seed)
    coprime = numpy.array([a for a in range(1, examples) if math.gcd(a, examples) == 1], numpy.int64)
    return coprime[generator.integers(len(coprime), size=trials)], generator.integers(examples, size=trials)


def order_table(multiplier, offset, batch, examples):
    """All batches of one run until its order begins again, [S, B]: row s is the batch of steps s, s + S, ..."""
    positions = numpy.arange(examples // math.gcd(examples, batch) * batch) % examples
    return ((multiplier * positions + offset) % examples).reshape(-1, batch)


def parameter_shapes(cell, hidden):
    """Names and shapes of one run's parameters, PyTorch's."""
    rows = GATES[cell] * hidden
    shapes = {}
    for direction in DIRECTIONS:
        shapes["weight_ih_l0" + direction] = (rows, FEATURES)
        shapes["weight_hh_l0" + direction] = (rows, hidden)
        shapes["bias_ih_l0" + direction] = (rows,)
        shapes["bias_hh_l0" + direction] = (rows,)
    return shapes | {"fc.weight": (CLASSES, 2 * hidden), "fc.bias": (CLASSES,)}


def initial_bound(name, hidden):
    """Initial weights are uniform in [-bound, bound], as torch.nn.LSTM and Linear have them."""
    return (2 * hidden if name.startswith("fc.") else hidden) ** -0.5


def initial_parameters(cell, hidden, trials, seed=2):
    """Arrays [N, ...] in double, for checks; a measurement draws its own on the device."""
    generator = numpy.random.default_rng(seed)
    return {
        name: generator.uniform(-1, 1, (trials, *shape)) * initial_bound(name, hidden)
        for name, shape in parameter_shapes(cell, hidden).items()
    }


def random_data(examples, seed=3):
    """Images [examples, 28, 28] and labels [examples], both uint8."""
    generator = numpy.random.default_rng(seed)
    images = generator.integers(256, size=(examples, STEPS, FEATURES), dtype=numpy.uint8)
    return images, generator.integers(CLASSES, size=examples, dtype=numpy.uint8)


def load_data(folder):
    """MNIST from a folder of IDX files, or random images of its size: speed does not depend on pixels."""
    if not folder or not pathlib.Path(folder).is_dir():
        return random_data(EXAMPLES)
    import gzip

    def read(name, head):
        path = pathlib.Path(folder) / name
        raw = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
        return numpy.frombuffer(raw, numpy.uint8, offset=head)

    images = read("train-images-idx3-ubyte", 16).reshape(-1, STEPS, FEATURES)
    return images.copy(), read("train-labels-idx1-ubyte", 8).copy()


def summary(point, runs, windows, **more):
    """The entry of a measured point in the JSON. `windows`: (steps of each of `runs` runs, seconds) of each window."""
    rates = [runs * steps / seconds for steps, seconds in windows]
    median = statistics.median(rates)
    return point.asdict() | dict(
        run_steps_per_second=median, samples_per_second=median * point.batch_size,
        spread=(max(rates) - min(rates)) / median, windows=[round(rate, 2) for rate in rates]) | more
