#!/usr/bin/env python3
"""caviar and its peers in one table, with ratios: joins what bench_sweep_speed and gpu_peers.py wrote.

    python3 bench/sweeps/side_by_side.py peers.json caviar.json [...] [--output joined.json]

For every shape and number of runs N that caviar was measured at, each peer is shown with its fastest form, precision
and number of runs at a time: a user of it would train N runs in groups of any size up to N. The ratios are caviar's
run-steps a second divided by the peer's, in each of caviar's precisions. Files of scripts/gpu_check are read too: every
list of points in them counts. What was not measured does not appear; a target whose two sides were not both measured is
said to be open. Numbers are comparable only when they were made on the same machine, which is printed first.

Needs nothing but Python.
"""

import argparse
import json
import pathlib

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
PEERS = {
    "P0": "PyTorch, one run after another",
    "P1": "PyTorch, one run, CUDA graph",
    "P2": "PyTorch, one run, torch.compile",
    "P3": "PyTorch, processes",
    "P4": "PyTorch, graphs on streams",
    "P5": "PyTorch, vmap",
    "P6": "PyTorch, stacked by hand",
    "P7": "JAX, scan of vmap",
}
ONE_AT_A_TIME = ("P0", "P1", "P2")  # the rate holds for any number of runs
# Of the main shape, in `mixed`: caviar's rate over the fastest form of the peer.
TARGETS = {"P0": 100.0, "P7": 3.0}
MAIN = ("lstm", 64, 64, 4096)


def points_in(value):
    """Every measured point in a JSON value, however deep its list lies."""
    if isinstance(value, dict):
        if isinstance(value.get("points"), list):
            yield from (p for p in value["points"] if "run_steps_per_second" in p)
        for key, inner in value.items():
            if key not in ("points", "left_out"):
                yield from points_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from points_in(inner)


def environments_in(value):
    if isinstance(value, dict):
        if isinstance(value.get("points"), list) and "environment" in value:
            yield value["environment"]
        else:
            for inner in value.values():
                yield from environments_in(inner)


def shape_of(point):
    return point["cell"], point["hidden_size"], point["batch_size"]


def fastest(points, form, shape, trials):
    """The fastest point of a peer's form that N runs of a shape could be trained with, or None."""
    fitting = [p for p in points if p["form"] == form and shape_of(p) == shape
               and (form in ONE_AT_A_TIME or p["trials"] <= trials)]
    return max(fitting, key=lambda p: p["run_steps_per_second"], default=None)


def join(points):
    """One row for each shape and number of runs: caviar's points by precision, the fastest point of each peer."""
    ours = [p for p in points if p["form"] == "caviar"]
    keys = {(*shape_of(p), p["trials"]) for p in ours}
    rows = []
    for *shape, trials in sorted(keys, key=lambda k: (CELLS.index(k[0]), *k[1:3], -k[3])):
        shape = tuple(shape)
        mine = {}
        for p in ours:
            if (*shape_of(p), p["trials"]) == (*shape, trials):
                before = mine.get(p["precision"])
                if before is None or p["run_steps_per_second"] > before["run_steps_per_second"]:
                    mine[p["precision"]] = p
        peers = {form: best for form in PEERS if (best := fastest(points, form, shape, trials))}
        rows.append(dict(shape=shape, trials=trials, caviar=mine, peers=peers))
    return rows


def rate(point):
    return f"{point['run_steps_per_second']:,.0f}"


def table(rows):
    precisions = sorted({precision for row in rows for precision in row["caviar"]})
    lines = [("cell", "H", "B", "runs", "what", "fastest form", "run-steps/s", "spread",
              *(f"caviar {p} / it" for p in precisions))]
    for row in rows:
        where = (row["shape"][0], str(row["shape"][1]), str(row["shape"][2]), str(row["trials"]))
        for precision, point in sorted(row["caviar"].items()):
            lines.append((*where, f"caviar, {point['variant']}", precision, rate(point), f"{point['spread']:.1%}",
                          *("" for _ in precisions)))
        for form, point in row["peers"].items():
            how = f"{form} {point['variant']}, {point['precision']}"
            if form not in ONE_AT_A_TIME:
                how += f", {point['trials']} at a time"
            ratios = [f"{row['caviar'][p]['run_steps_per_second'] / point['run_steps_per_second']:,.1f}"
                      if p in row["caviar"] else "" for p in precisions]
            lines.append((*where, PEERS[form], how, rate(point), f"{point['spread']:.1%}", *ratios))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    left = (0, 4, 5)
    return ["  ".join(v.ljust(w) if i in left else v.rjust(w) for i, (v, w) in enumerate(zip(line, widths))).rstrip()
            for line in lines]


def targets(rows):
    """What of the targets is reached, one line each."""
    main = next((row for row in rows if (*row["shape"], row["trials"]) == MAIN), None)
    mixed = main["caviar"].get("mixed") if main else None
    for form, target in TARGETS.items():
        peer = main["peers"].get(form) if main else None
        what = f"{PEERS[form]}: at least {target:g} times its rate in mixed, LSTM H=64 B=64, 4,096 runs"
        if not mixed or not peer:
            missing = " and ".join(name for name, value in (("caviar", mixed), (form, peer)) if not value)
            yield f"open     {what} ({missing} not measured)"
            continue
        ratio = mixed["run_steps_per_second"] / peer["run_steps_per_second"]
        yield f"{'reached ' if ratio >= target else 'missed  '} {what}: {ratio:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="JSON of the programs above, or of gpu_check")
    parser.add_argument("--output", type=pathlib.Path, help="file for the joined table, as JSON")
    args = parser.parse_args()
    points, environments = [], {}
    for path in args.files:
        content = json.loads(path.read_text())
        points += points_in(content)
        environments[path.name] = list(environments_in(content))
    for name, found in environments.items():
        for environment in found:
            print(f"{name}: {json.dumps(environment)}")
    rows = join(points)
    if not rows:
        parser.error("no file has a point of caviar: run bench_sweep_speed with --output")
    print("\n" + "\n".join(table(rows)) + "\n")
    print("\n".join(targets(rows)))
    if args.output:
        args.output.write_text(json.dumps(dict(environments=environments, rows=rows, targets=list(targets(rows))),
                                          indent=1) + "\n")


if __name__ == "__main__":
    main()
