"""Writes the golden files of this folder, and makes the numbers that cases share.

A golden file is text, read by tests/support/golden.h:

    # a comment, to the end of the line
    case NAME                      begins a case; names are unique in a file
    KEY = VALUE                    a setting of the case: one word
    NAME DIM DIM ... : V V ...     an array, rightmost dimension fastest; no DIM: a scalar

Numbers are printed with nine significant digits: enough to give a float32 back exactly, and to know a double to 1e-9.
"""

import math
import shlex
import sys

import torch


class GoldenFile:
    """Collects the lines of one file; `write` puts them down under a header that says where they come from."""

    def __init__(self, about):
        self.lines = []
        self.about = about

    def case(self, name, **settings):
        self.lines += ["", f"case {name}"]
        for key, value in settings.items():
            self.setting(key, value)

    def setting(self, key, value):
        word = str(int(value)) if isinstance(value, bool) else str(value)
        assert word and not any(c.isspace() for c in word), (key, word)
        self.lines.append(f"{key} = {word}")

    def array(self, name, values):
        tensor = torch.as_tensor(values)
        assert torch.isfinite(tensor.double()).all(), name
        dims = "".join(f" {n}" for n in tensor.shape)
        numbers = " ".join(f"{v:.9g}" for v in tensor.detach().double().reshape(-1).tolist())
        self.lines.append(f"{name}{dims} : {numbers}")

    def write(self, path):
        script = sys.argv[0].rsplit("/", 1)[-1]
        command = " ".join(["python3", f"tests/golden/{script}"] + [shlex.quote(a) for a in sys.argv[1:]])
        header = [f"# {line}" for line in self.about.strip().splitlines()]
        header.append(f"# Made by `{command}` with PyTorch {torch.__version__} (Debian's python3-torch) in float64.")
        with open(path, "w", encoding="ascii") as out:
            out.write("\n".join(header + self.lines) + "\n")


def mixed(count, first):
    """count 32-bit hashes of first + 1, first + 2, ..., known to both languages: no file has to hold what they make.

    All arithmetic is modulo 2^32: h = i * 2654435761; h ^= h >> 16; h *= 2246822519; h ^= h >> 13.
    """
    mask = 2**32 - 1  # int64 products wrap modulo 2^64, which leaves their low 32 bits right
    h = (torch.arange(1, count + 1, dtype=torch.int64) + first) * 2654435761 & mask
    h = (h ^ h >> 16) * 2246822519 & mask
    return h ^ h >> 13


def parameter_values(tensor, count, scale):
    """count float32 numbers in [-scale, scale): ((hash div 2^8) / 2^23 - 1) * scale, hashes from tensor * 1000003 on.

    With a scale that is a power of two every step is exact.
    """
    assert math.frexp(scale)[0] == 0.5, "the scale must be a power of two"
    return (((mixed(count, tensor * 1000003) >> 8).double()) / 2**23 - 1) * scale


def pixel_values(count):
    """count bytes: hash div 2^24, hashes from 500000009 on."""
    return mixed(count, 500000009) >> 24
