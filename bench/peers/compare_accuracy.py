#!/usr/bin/env python3
"""Final loss and accuracy of caviar and of PyTorch over many seeds, for an LSTM, a GRU and a tanh network on MNIST.

    python3 bench/peers/compare_accuracy.py --program build/caviar --data data/mnist --output bench/results/accuracy.json

Trains every net of NETS on --seeds seeds in both (`caviar train --set ... --seeds N`, read back by `caviar show --json`;
birnn_torch.py in one process a core) and compares loss and accuracy on the test examples by Welch's test. (Not on the
validation examples: the two draw different ones, once for all seeds.) A p-value above 0.01 in all is what is asked for; beside it stands the difference of means that would have been
noticed with probability 0.8, because "no difference found" says little where only a large one could be.

--reuse FILE takes the peer's runs from an earlier result instead of training them again. Exit status 1: a p-value at or
below the level. Needs scipy.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from scipy import stats

from speed import machine

HERE = pathlib.Path(__file__).resolve().parent
LEVEL = 0.01
METRICS = ("test_loss", "test_accuracy")

# name: settings in caviar's words. The three differ in read-out, depth and dropout on purpose.
NETS = {
    "lstm": dict(cell="lstm", hidden_size=32, num_layers=1, readout="final_states", dropout=0.0, batch_size=64,
                 epochs=3, optimizer="adam", learning_rate=0.003),
    "gru": dict(cell="gru", hidden_size=32, num_layers=2, readout="last_step", dropout=0.25, batch_size=100,
                epochs=2, optimizer="adam", learning_rate=0.003),
    "tanh": dict(cell="rnn_tanh", hidden_size=32, num_layers=1, readout="mean", dropout=0.0, batch_size=64, epochs=3,
                 optimizer="adam", learning_rate=0.001),
}
PEER_NAMES = dict(hidden_size="hidden", num_layers="layers", batch_size="batch")


def peer_runs(net, args):
    """The lines of birnn_torch.py for seeds 1 .. N, trained side by side in one process a core."""
    options = [w for k, v in net.items() for w in (f"--{PEER_NAMES.get(k, k).replace('_', '-')}", str(v))]
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    seeds = [str(s) for s in range(1, args.seeds + 1)]
    processes = [
        subprocess.Popen([sys.executable, str(HERE / "birnn_torch.py"), "--data", args.data, *options, "--seed", *share],
                         stdout=subprocess.PIPE, text=True, env=environment)
        for share in (seeds[core :: args.cores] for core in range(args.cores)) if share
    ]
    lines = [line for process in processes for line in process.communicate()[0].splitlines()]
    runs = sorted((json.loads(line) for line in lines), key=lambda run: run["seed"])
    if len(runs) != args.seeds:
        raise RuntimeError(f"{len(runs)} of {args.seeds} trainings by PyTorch came back")
    return runs


def our_runs(net, args):
    """What `caviar show --json` says of the runs of one `caviar train`."""
    with tempfile.TemporaryDirectory() as folder:
        study = os.path.join(folder, "study")
        sets = [w for k, v in net.items() for w in ("--set", f"{k}={v}")]
        subprocess.run([args.program, "train", *sets, "--seeds", str(args.seeds), "--data", args.data, "--study", study],
                       check=True, stdout=subprocess.DEVNULL)
        shown = subprocess.run([args.program, "show", study, "--json"], check=True, capture_output=True, text=True)
    runs = [run for trial in json.loads(shown.stdout)["trials"] for run in trial["runs"]]
    if len(runs) != args.seeds or any(run["state"] != "complete" for run in runs):
        raise RuntimeError(f"caviar completed {sum(run['state'] == 'complete' for run in runs)} of {args.seeds} runs")
    return [{metric: run["last"][metric] for metric in METRICS} | dict(seeds=run["seeds"], digest=run["digest"])
            for run in runs]


def noticeable(ours, peers):
    """The difference of means that Welch's test at LEVEL finds with probability 0.8, by the normal approximation."""
    spread = math.sqrt(statistics.variance(ours) / len(ours) + statistics.variance(peers) / len(peers))
    return (stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(0.8)) * spread


def compare(ours, peers):
    """Metric -> means, spreads, Welch's p and the difference that would have been noticed."""
    found = {}
    for metric in METRICS:
        a, b = [run[metric] for run in ours], [run[metric] for run in peers]
        found[metric] = dict(caviar_mean=statistics.mean(a), caviar_sd=statistics.stdev(a),
                             peer_mean=statistics.mean(b), peer_sd=statistics.stdev(b),
                             p=float(stats.ttest_ind(a, b, equal_var=False).pvalue),
                             noticeable_difference=noticeable(a, b))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the program caviar; without it only the peer is trained")
    parser.add_argument("--data", required=True, help="directory of the MNIST IDX files")
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--reuse", help="an earlier result whose runs by the peer are taken again")
    parser.add_argument("--output", help="file for the result")
    args = parser.parse_args()
    if args.output:  # now, not after minutes of work
        pathlib.Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    if args.seeds < 8:
        parser.error("--seeds below 8 leaves Welch's test without power")
    earlier = json.loads(pathlib.Path(args.reuse).read_text()) if args.reuse else {}
    result, failed = dict(environment=machine()), False
    for name in args.net:
        known = earlier.get(name)
        if known and (known["settings"] != NETS[name] or len(known["peer_runs"]) < 8):
            raise SystemExit(f"{args.reuse} holds other settings for {name}: train the peer again")
        result[name] = entry = dict(settings=NETS[name], level=LEVEL)
        entry["peer_runs"] = known["peer_runs"] if known else peer_runs(NETS[name], args)
        if args.program:
            entry["caviar_runs"] = our_runs(NETS[name], args)
            entry["comparison"] = compare(entry["caviar_runs"], entry["peer_runs"])
            for metric, c in entry["comparison"].items():
                failed = failed or not c["p"] > LEVEL
                print(f"{name:5} {metric:20} caviar {c['caviar_mean']:.5f} +- {c['caviar_sd']:.5f}  PyTorch "
                      f"{c['peer_mean']:.5f} +- {c['peer_sd']:.5f}  p {c['p']:.3f}  noticeable "
                      f"{c['noticeable_difference']:.5f}", flush=True)
        if args.output:
            pathlib.Path(args.output).write_text(json.dumps(result, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
