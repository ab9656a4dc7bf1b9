#!/usr/bin/env python3
"""The same training in PyTorch: a recurrent classifier of MNIST rows, for comparison with caviar.

    python3 bench/peers/birnn_torch.py --data data/mnist --cell lstm --hidden 32 --layers 1 --batch 64 --epochs 2 --seed 1 2 3

Prints one line of JSON a seed: the settings, and loss and accuracy on the validation and test examples at the end. All
of PyTorch's defaults hold: initial weights, epsilon, the last partial batch kept. Images are scaled to [0, 1]; the
validation examples are drawn from the training set by --split-seed and are not trained on.

Needs PyTorch (written for Debian's python3-torch, 1.13) and NumPy.
"""

import argparse
import gzip
import json
import pathlib
import time

import numpy
import torch
from torch import nn

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN, "rnn_relu": nn.RNN}
OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rmsprop": torch.optim.RMSprop,
}
READOUTS = ("last_step", "final_states", "mean")
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


class BiRnn(nn.Module):
    """Rows of an image, [B, T, D], read in both directions by a recurrent network with a linear head."""

    def __init__(self, cell, inputs, hidden, layers, readout, classes=10, dropout=0.0, time_major=False):
        super().__init__()
        options = dict(num_layers=layers, bidirectional=True, dropout=dropout, batch_first=not time_major)
        if cell.startswith("rnn_"):
            options["nonlinearity"] = cell[4:]
        self.recurrent = RECURRENT[cell](inputs, hidden, **options)
        self.head = nn.Linear(2 * hidden, classes)
        self.time = 0 if time_major else 1
        self.readout = readout
        self.lstm = cell == "lstm"

    def forward(self, x):
        out, states = self.recurrent(x)
        if self.readout == "last_step":
            return self.head(out.select(self.time, -1))
        if self.readout == "mean":
            return self.head(out.mean(self.time))
        h = states[0] if self.lstm else states  # [layers * 2, B, H]
        return self.head(torch.cat([h[-2], h[-1]], 1))


def read_idx(path):
    """An IDX file of bytes, gzipped or not, as an array."""
    path = pathlib.Path(path)
    if not path.exists():
        path = path.with_name(path.name + ".gz")
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of bytes")
    rank = raw[3]
    shape = numpy.frombuffer(raw, ">i4", rank, 4)
    return numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder):
    """Training images [N, 28, 28] in [0, 1] and labels, then test images and labels."""
    arrays = [torch.from_numpy(read_idx(pathlib.Path(folder) / name).copy()) for name in FILES]
    return [a.float() / 255 if a.dim() == 3 else a.long() for a in arrays]


def evaluate(net, images, labels, chunk=1000):
    """Mean cross-entropy and accuracy, without dropout."""
    net.eval()
    loss = correct = 0.0
    with torch.no_grad():
        for x, y in zip(images.split(chunk), labels.split(chunk)):
            logits = net(x)
            loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
            correct += (logits.argmax(1) == y).sum().item()
    net.train()
    return loss / len(labels), correct / len(labels)


def train(data, args, seed):
    """One training; the line of JSON as a dictionary."""
    images, labels, test_images, test_labels = data
    split = torch.randperm(len(labels), generator=torch.Generator().manual_seed(args.split_seed))
    validation, training = split[: args.validation], split[args.validation :]
    torch.manual_seed(seed)
    net = BiRnn(args.cell, images.shape[2], args.hidden, args.layers, args.readout, dropout=args.dropout)
    optimizer = OPTIMIZERS[args.optimizer](net.parameters(), lr=args.learning_rate)
    criterion = nn.CrossEntropyLoss()
    began = time.perf_counter()
    for _ in range(args.epochs):
        for batch in training[torch.randperm(len(training))].split(args.batch):
            optimizer.zero_grad()
            criterion(net(images[batch]), labels[batch]).backward()
            optimizer.step()
    seconds = time.perf_counter() - began
    validation_loss, validation_accuracy = evaluate(net, images[validation], labels[validation])
    test_loss, test_accuracy = evaluate(net, test_images, test_labels)
    settings = {k: v for k, v in vars(args).items() if k not in ("seed", "data")}
    return settings | dict(seed=seed, torch=torch.__version__, validation_loss=validation_loss,
                           validation_accuracy=validation_accuracy, test_loss=test_loss, test_accuracy=test_accuracy,
                           samples_per_second=args.epochs * len(training) / seconds)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="directory of the four IDX files, gzipped or not")
    parser.add_argument("--cell", choices=sorted(RECURRENT), default="lstm")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--readout", choices=READOUTS, default="last_step")
    parser.add_argument("--dropout", type=float, default=0.0, help="between layers")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--optimizer", choices=sorted(OPTIMIZERS), default="adam")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--validation", type=int, default=10000, help="examples held out of the training set")
    parser.add_argument("--split-seed", type=int, default=0, help="which examples are held out")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one training each: initial weights and order")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    data = load(args.data)
    for seed in args.seed:
        print(json.dumps(train(data, args, seed)), flush=True)


if __name__ == "__main__":
    main()
