#!/usr/bin/env python3
"""How fast PyTorch and JAX train many small recurrent networks on one GPU: forms P0 to P7, one table.

    python3 bench/peers/gpu_peers.py --check                                 every form against the NumPy reference
    python3 bench/peers/gpu_peers.py --output peers.json                     the table, in nine minutes
    python3 bench/peers/gpu_peers.py --plan                                  what would be measured, in which order

The work is that of gpu_task.py; the forms are those of gpu_torch.py and gpu_jax.py. A rate is in run-steps a second:
optimizer updates, added up over all runs in flight. Each is the median of --windows windows of at least
--window-seconds, after three warm-ups, by the device's clock (JAX: the host's, around calls that last much longer than
starting one does); compiling, capturing and initial weights are counted apart. Spread is (highest - lowest) / median.

Measurements go by importance until --budget is used up: LSTM H=64 B=64 with 4,096 runs first, then fewer runs, other
cells, other sizes, then forms that are known to be slow to compile, then the rest of the grid. What was left out is
said. Forms P0 to P2 train one run after another, so their rate holds for any number of runs.
A form that runs out of memory is tried again with half as many runs, up to three times: a user would train the sweep in
parts. One framework holds the GPU at a time.
"""

import argparse
import atexit
import collections
import contextlib
import dataclasses
import datetime
import functools
import json
import pathlib
import platform
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

from gpu_task import GATES, Point

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = {"torch": HERE / "gpu_torch.py", "jax": HERE / "gpu_jax.py"}
CELLS = ("lstm", "gru", "rnn_tanh")
TRIALS = (4096, 512, 64, 8, 1)
SIZES = ((32, 64), (128, 64), (256, 128), (16, 32))  # hidden size, batch size
ALL_SIZES = tuple((h, b) for h in (64, 32, 128, 16, 256) for b in (64, 32, 128))
GRAPH, SCAN, OWN = "graph", "scan, unroll 1", "own gradient, unroll 1"
# Seconds a point is thought to take before one was measured, with compiling.
ESTIMATES = {
    ("P0", "eager"): 4, ("P1", GRAPH): 5, ("P1", "graph, 16 steps"): 7, ("P2", "compile, cuDNN"): 30,
    ("P2", "compile, own cell"): 70, ("P2", "max-autotune, own cell"): 150, ("P3", "process"): 30,
    ("P4", "streams"): 12, ("P5", "vmap, graph"): 20, ("P5", "vmap, compile, graph"): 180,
    ("P6", "batched, graph"): 20, ("P7", SCAN): 12, ("P7", "scan, unroll 4"): 20, ("P7", "scan, unroll 28"): 90,
    ("P7", OWN): 12, ("P7", "own gradient, unroll 4"): 20,
}
ONE_AT_A_TIME = ("P0", "P1", "P2")  # so the rate holds however many runs there are
START_SECONDS = 10  # of a framework
HALVINGS = 3


def framework_of(point):
    return "jax" if point.form == "P7" else "torch"


def single(cell, hidden, batch):
    """One run at a time: what most people do, and the best of that."""
    yield Point("P0", "eager", "fp32", cell, hidden, batch)
    yield Point("P1", GRAPH, "fp32", cell, hidden, batch)


def torch_batched(cell, hidden, batch, trials, precision="bf16"):
    return Point("P6", "batched, graph", precision, cell, hidden, batch, trials)


def jax_best(cell, hidden, batch, trials):
    """The fastest form expected, and the one that is usually written."""
    yield Point("P7", OWN, "bf16", cell, hidden, batch, trials)
    yield Point("P7", SCAN, "tf32", cell, hidden, batch, trials)


def plan():
    """All points, the most important first; neighbours share a framework, since starting one takes seconds."""
    main, other_trials, many = ("lstm", 64, 64), TRIALS[1:], TRIALS[0]
    yield from single(*main)
    yield from (torch_batched(*main, many, precision) for precision in ("bf16", "tf32", "fp32"))
    yield from (Point("P0", "eager", precision, *main) for precision in ("tf32", "fp16"))
    yield from (Point("P1", variant, "tf32", *main) for variant in (GRAPH, "graph, 16 steps"))
    yield from (Point("P7", OWN, precision, *main, many) for precision in ("bf16", "tf32"))
    yield from (Point("P7", SCAN, precision, *main, many) for precision in ("tf32", "bf16", "fp32"))
    yield Point("P7", "scan, unroll 4", "tf32", *main, many)
    for trials in other_trials:
        yield from jax_best(*main, trials)
    yield from (torch_batched(*main, trials) for trials in other_trials)
    yield Point("P4", "streams", "tf32", *main, 16)
    yield Point("P5", "vmap, graph", "tf32", *main, 512)
    yield Point("P3", "process", "tf32", *main, 8)
    for cell in CELLS[1:]:
        yield from single(cell, *main[1:])
        yield torch_batched(cell, *main[1:], many)
    for cell in CELLS[1:]:
        yield from jax_best(cell, *main[1:], many)
    for hidden, batch in SIZES:
        yield from jax_best("lstm", hidden, batch, many)
    for hidden, batch in SIZES:
        yield from single("lstm", hidden, batch)
        yield torch_batched("lstm", hidden, batch, many)
    yield Point("P4", "streams", "tf32", *main, 64)
    yield from (Point("P3", "process", "tf32", *main, count) for count in (4, 16))
    yield from (Point("P5", "vmap, graph", "tf32", *main, trials) for trials in (64, many))
    yield torch_batched(*main, many, "fp16")
    yield from (Point("P2", f"compile, {what}", "tf32", *main) for what in ("cuDNN", "own cell"))
    yield Point("P5", "vmap, compile, graph", "tf32", *main, 512)
    yield Point("P2", "max-autotune, own cell", "tf32", *main)
    yield Point("P7", "own gradient, unroll 4", "bf16", *main, many)
    yield from (Point("P7", f"scan, unroll {n}", "bf16", *main, many) for n in (4, 28))
    for trials in TRIALS:
        for cell in CELLS:
            for hidden, batch in ALL_SIZES:
                yield from jax_best(cell, hidden, batch, trials)
        for cell in CELLS:
            for hidden, batch in ALL_SIZES:
                yield from single(cell, hidden, batch)
                yield torch_batched(cell, hidden, batch, trials)


class Lost(Exception):
    """A worker died or took too long."""


class Worker:
    """A process of one framework that measures points."""

    def __init__(self, framework, data):
        self.log = tempfile.TemporaryFile("w+")
        command = [sys.executable, SCRIPTS[framework], "--worker", *(["--data", data] if data else [])]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        self.answers = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.framework, self.about = framework, None

    def read(self):
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(None)

    def send(self, **request):
        with contextlib.suppress(BrokenPipeError):  # a dead worker's answer says so
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def answer(self, until):
        """The next answer; an error in it is an answer too. `until`: by time.monotonic()."""
        try:
            line = self.answers.get(timeout=max(0.1, until - time.monotonic()))
        except queue.Empty:
            self.close(at_once=True)
            raise Lost("took too long")
        if line is None:
            self.process.wait()
            self.log.seek(0)
            raise Lost(f"ended with {self.process.returncode}: ...{self.log.read()[-600:].strip()}")
        return json.loads(line)

    def ready(self, until):
        if self.about is None:
            self.about = self.answer(until)
        return self

    def close(self, at_once=False):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        if at_once:
            self.process.kill()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Measuring:
    """Carries out points, keeping one worker alive for as long as its framework is asked for."""

    def __init__(self, args):
        self.args, self.worker, self.about = args, None, {}

    def close(self):
        if self.worker:
            self.worker.close()
        self.worker = None

    def worker_for(self, framework, until):
        if self.worker and (self.worker.framework != framework or self.worker.process.poll() is not None):
            self.close()
        if not self.worker:
            self.worker = Worker(framework, self.args.data)
        about = self.worker.ready(until).about
        if about["device"] == "cpu" and gpu_here() != "unknown":
            raise Lost("it finds no GPU, though nvidia-smi does")
        self.about[framework] = about
        return self.worker

    def together(self, workers, request, until):
        """Asks all, waits for all; the answers, or the first error."""
        for worker in workers:
            worker.send(**request)
        answers = [worker.answer(until) for worker in workers]
        return next(([a] for a in answers if "error" in a), answers)

    def with_workers(self, workers, point, until):
        """Prepares the point in every worker, then measures in all at the same time."""
        prepared = self.together(workers, dict(do="prepare", point=point.asdict()), until)
        if "error" in prepared[0]:
            return prepared[0]
        measured = self.together(workers, dict(do="measure", windows=self.args.windows,
                                               window_seconds=self.args.window_seconds), until)
        if "error" in measured[0]:
            return measured[0]
        return add_up(measured) | dict(compile_seconds=max(p["compile_seconds"] for p in prepared))

    def measure(self, point, until):
        """The entry of a point: rates, or `error`."""
        workers = []
        try:
            if point.form == "P3":  # processes of P1, each with one run
                self.close()
                workers = [Worker("torch", self.args.data) for _ in range(point.trials)]
                for worker in workers:
                    worker.ready(until)
                each = dataclasses.replace(point, form="P1", variant=GRAPH, trials=1)
                found = self.with_workers(workers, each, until)
            else:
                worker = self.worker_for(framework_of(point), until)
                found = self.with_workers([worker], point, until)
                if found.get("error", "out of memory") in ("out of memory", "Unavailable"):
                    worker.send(do="release")
                    worker.answer(until + 30)
                else:  # a GPU that was left in an unknown state would fail every later point
                    self.close()
        except Lost as problem:
            self.close()
            found = dict(error="lost", message=str(problem))
        finally:
            for worker in workers:
                worker.close()
        return found | point.asdict() | dict(framework=framework_of(point))


def add_up(measured):
    """Processes side by side: rates add up window by window, memory too."""
    if len(measured) == 1:
        return measured[0]
    windows = [sum(rates) for rates in zip(*(m["windows"] for m in measured))]
    median = sorted(windows)[len(windows) // 2]
    return dict(run_steps_per_second=median, samples_per_second=median * measured[0]["batch_size"],
                spread=(max(windows) - min(windows)) / median, windows=windows,
                peak_bytes=sum(m["peak_bytes"] or 0 for m in measured) or None)


def wanted(args):
    """The plan without repetitions and what the command line leaves out."""
    seen = set()
    for point in plan():
        chosen = (point.form in args.form and point.cell in args.cell and point.trials <= args.most_trials
                  and (not args.hidden or point.hidden_size in args.hidden)
                  and (not args.batch or point.batch_size in args.batch))
        if chosen and point not in seen:
            seen.add(point)
            yield point


def carry_out(args):
    """Measures until the budget is used up; entries, points left out, and what the frameworks say of themselves."""
    began = time.monotonic()
    end = began + args.budget
    costs, entries, left_out = dict(ESTIMATES), [], []
    measuring = Measuring(args)
    points = collections.deque((point, 0) for point in wanted(args))
    missing = set()
    atexit.register(measuring.close)
    while points:
        point, halvings = points.popleft()
        framework = framework_of(point)
        if framework in missing:
            continue
        now = time.monotonic()
        start = 0 if measuring.worker and measuring.worker.framework == framework else START_SECONDS
        cost = start + costs[point.form, point.variant]
        if now + cost > end:
            left_out.append(point)
            continue
        entry = measuring.measure(point, min(end, now + max(60, 3 * cost)))
        spent = time.monotonic() - now
        print(f"[{time.monotonic() - began:4.0f} s] {point}: {outcome(entry)} ({spent:.0f} s)", flush=True)
        if entry.get("error") == "lost" and framework not in measuring.about:
            missing.add(framework)
            print(f"{framework} cannot be used here: {entry['message']}", flush=True)
            continue
        entries.append(entry)
        write(args, entries, left_out, measuring.about)
        if "error" not in entry:
            costs[point.form, point.variant] = max(2.0, spent - start)
        if entry.get("error") == "out of memory" and halvings < HALVINGS and point.trials > 1:
            points.appendleft((dataclasses.replace(point, trials=point.trials // 2), halvings + 1))
    measuring.close()
    return entries, left_out, measuring.about


def outcome(entry):
    if entry.get("error") == "out of memory":
        return entry["error"]
    if "error" in entry:
        return f"{entry['error']}: {entry.get('message', '')[-300:]}"
    return f"{entry['run_steps_per_second']:,.0f} run-steps/s"


def table(entries):
    """Lines of the table, by shape, number of runs and form."""
    head = ("cell", "H", "B", "runs", "form", "precision", "run-steps/s", "spread", "samples/s", "compile s",
            "peak GiB")
    rows = [head]

    def place(e):
        one = e["form"] not in ONE_AT_A_TIME
        return CELLS.index(e["cell"]), e["hidden_size"], e["batch_size"], one, -e["trials"], e["form"], e["variant"]

    for e in sorted(entries, key=place):
        runs = "any" if e["form"] in ONE_AT_A_TIME else str(e["trials"])
        row = [e["cell"], str(e["hidden_size"]), str(e["batch_size"]), runs, f"{e['form']} {e['variant']}",
               e["precision"]]
        if "error" in e:
            row += [e["error"], "", "", "", ""]
        else:
            peak = f"{e['peak_bytes'] / 2**30:.2f}" if e.get("peak_bytes") else ""
            row += [f"{e['run_steps_per_second']:,.0f}", f"{e['spread']:.1%}", f"{e['samples_per_second']:,.0f}",
                    f"{e['compile_seconds']:.1f}", peak]
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    left = {0, 4, 5}
    return ["  ".join(v.ljust(w) if i in left else v.rjust(w) for i, (v, w) in enumerate(zip(row, widths))).rstrip()
            for row in rows]


@functools.cache
def first_line(*command):
    with contextlib.suppress(OSError, subprocess.CalledProcessError, IndexError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE)
        return done.stdout.strip().splitlines()[0]
    return "unknown"


def gpu_here():
    return first_line("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")


def environment(about, data):
    """Where and with what the numbers were made."""
    return dict(date=datetime.date.today().isoformat(), system=platform.platform(), gpu=gpu_here(), data=data,
                commit=first_line("git", "rev-parse", "--short", "HEAD"), frameworks=about)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, help="seconds for everything (540; with --quick 150)")
    parser.add_argument("--quick", action="store_true", help="the most important points only")
    parser.add_argument("--check", action="store_true", help="hold every form of both frameworks to the reference")
    parser.add_argument("--plan", action="store_true", help="print the points in order, with estimates")
    parser.add_argument("--form", nargs="+", default=[f"P{i}" for i in range(8)], help="only these")
    parser.add_argument("--cell", nargs="+", choices=sorted(GATES), default=list(CELLS), help="only these")
    parser.add_argument("--hidden", type=int, nargs="+", help="only these hidden sizes")
    parser.add_argument("--batch", type=int, nargs="+", help="only these batch sizes")
    parser.add_argument("--most-trials", type=int, default=max(TRIALS), help="leave out points with more runs")
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--window-seconds", type=float, default=0.3)
    parser.add_argument("--data", help="folder of MNIST's IDX files; random images of its size without")
    parser.add_argument("--output", help="file for the result, as JSON")
    args = parser.parse_args()
    args.budget = args.budget or (150 if args.quick else 540)
    return args


def write(args, entries, left_out, about):
    """What is known by now: nothing is lost when the program is stopped."""
    if not args.output:
        return
    result = dict(environment=environment(about, args.data or "random images")
                  | dict(windows=args.windows, window_seconds=args.window_seconds, budget=args.budget),
                  points=entries, left_out=[point.asdict() for point in left_out])
    pathlib.Path(args.output).write_text(json.dumps(result, indent=1) + "\n")


def main():
    args = parse()
    if args.check:
        failed = [subprocess.run([sys.executable, script, "--check"]).returncode for script in SCRIPTS.values()]
        sys.exit(1 if any(failed) else 0)
    if args.plan:
        total = 0
        for point in wanted(args):
            total += ESTIMATES[point.form, point.variant]
            print(f"{total:6.0f} s  {point}{'   beyond the budget' if total > args.budget else ''}")
        return
    if args.output:
        pathlib.Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # closes the workers; what was measured is written
    entries, left_out, about = carry_out(args)
    write(args, entries, left_out, about)
    print("\n" + "\n".join(table(entries)))
    if left_out:
        groups = collections.Counter(f"{p.form} {p.variant}" for p in left_out)
        print(f"\nLeft out, since the budget of {args.budget:.0f} s was used up: {len(left_out)} points ("
              + "; ".join(f"{name}: {count}" for name, count in sorted(groups.items())) + ")")


if __name__ == "__main__":
    main()
