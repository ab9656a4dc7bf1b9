"""What the files of the two frameworks share: answering gpu_peers.py, timing a form, holding it to the reference.

A form has `runs` (how many runs it trains at once), `steps_per_call`, run(calls) -> seconds on the device's clock,
losses() and parameters() (NumPy arrays by PyTorch's names, [runs, ...]).
"""

import argparse
import json
import math
import os
import sys
import time

import numpy

import gpu_reference
from gpu_task import (GATES, Point, initial_parameters, learning_rates, load_data, orders, random_data, summary)

# Of the way that the parameters went in the check, how far a form may be from the reference; and of a loss.
LIMITS = {"fp64": (1e-7, 1e-8), "fp32": (1e-3, 1e-5), "tf32": (3e-2, 2e-3), "bf16": (2e-1, 1e-2), "fp16": (3e-2, 2e-3)}
CHECK = dict(hidden_size=16, batch_size=8, trials=3)
CHECK_EXAMPLES, CHECK_STEPS = 250, 4


class Unavailable(Exception):
    """This form cannot be had here; the text says why."""


def measure(form, windows, window_seconds):
    """[(steps, seconds)] of each window, after three warm-ups and after finding how many calls fill a window."""
    seconds = [form.run(1) for _ in range(3)]
    calls = max(1, math.ceil(window_seconds / max(min(seconds), 1e-6)))
    found = []
    while len(found) < windows:
        spent = form.run(calls)
        if spent < window_seconds:  # the guess from single calls was short
            calls = math.ceil(calls * 1.2 * window_seconds / max(spent, 1e-6))
            found.clear()
        else:
            found.append((calls * form.steps_per_call, spent))
    return found


def is_out_of_memory(problem):
    text = f"{type(problem).__name__} {problem}"
    return any(mark in text for mark in ("OutOfMemory", "out of memory", "RESOURCE_EXHAUSTED", "Out of memory"))


def serve(framework, args):
    """Prepares, measures and releases points as asked on stdin, one JSON object a line each way."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints does not mix with the answers

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    data, form, point = load_data(args.data), None, None
    answer(framework.describe())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                point, began = Point(**request["point"]), time.perf_counter()
                form = framework.prepare(point, data)
                form.run(1)  # what is compiled at the first call belongs to the preparation
                answer(dict(compile_seconds=round(time.perf_counter() - began, 2)))
            elif request["do"] == "measure":
                found = measure(form, request["windows"], request["window_seconds"])
                answer(summary(point, form.runs, found, peak_bytes=framework.peak_bytes(form)))
            elif request["do"] == "release":
                form = None
                framework.release()
                answer({})
        except Exception as problem:  # whatever a framework raises is this point's result
            form = None
            kind = "out of memory" if is_out_of_memory(problem) else type(problem).__name__
            answer(dict(error=kind, message=str(problem)[:2000]))


def references(cell):
    """Initial parameters [N, ...], trained ones and losses [steps, N] of the runs that a check trains."""
    images, labels = random_data(CHECK_EXAMPLES)
    trials = CHECK["trials"]
    initial = initial_parameters(cell, CHECK["hidden_size"], trials)
    multipliers, offsets = orders(trials, CHECK_EXAMPLES)
    trained, losses = [], []
    for n in range(trials):
        mine = {name: value[n] for name, value in initial.items()}
        p, loss = gpu_reference.train(cell, mine, images, labels, (multipliers[n], offsets[n]),
                                      learning_rates(trials)[n], CHECK["batch_size"], CHECK_STEPS)
        trained.append(p)
        losses.append(loss)
    return initial, {k: numpy.stack([p[k] for p in trained]) for k in initial}, numpy.array(losses).T


def compare(form, precision, initial, trained, losses):
    """Trains the check's steps; how far parameters and losses end up from the reference, and whether that is near."""
    worst_loss = 0.0
    for call in range(CHECK_STEPS // form.steps_per_call):
        form.run(1)
        expected = losses[(call + 1) * form.steps_per_call - 1]
        worst_loss = max(worst_loss, float(numpy.abs(numpy.asarray(form.losses(), numpy.float64) - expected).max()))
    found = form.parameters()
    away = way = 0.0
    for name, value in trained.items():
        away += ((numpy.asarray(found[name], numpy.float64) - value) ** 2).sum()
        way += ((value - initial[name]) ** 2).sum()
    distance, (limit, loss_limit) = math.sqrt(away / way), LIMITS[precision]
    return distance, worst_loss, distance <= limit and worst_loss <= loss_limit


def check(framework, points):
    """Holds every point's form to the reference; prints a line each. True when none that ran was wrong."""
    data = random_data(CHECK_EXAMPLES)
    good, ran = True, 0
    for cell in GATES:
        initial, trained, losses = references(cell)
        for point in points(cell):
            try:
                found = compare(framework.prepare(point, data, initial), point.precision, initial, trained, losses)
            except Unavailable as reason:
                print(f"skipped  {point}: {reason}", flush=True)
                continue
            except Exception as problem:
                found, good = None, False
                print(f"FAILED   {point}: {type(problem).__name__}: {problem}", flush=True)
            ran += 1
            if found:
                distance, loss, near = found
                good &= near
                print(f"{'ok      ' if near else 'WRONG   '} {point}: parameters {distance:.1e} of their way off, "
                      f"losses {loss:.1e}", flush=True)
            framework.release()
    print(f"{ran} forms ran; {'all of them train as the reference does' if good else 'NOT all are right'}")
    return good and ran > 0


def main(framework, description, points):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="hold every form to the reference, on the CPU too")
    parser.add_argument("--worker", action="store_true", help="answer gpu_peers.py")
    parser.add_argument("--data", help="folder of MNIST's files; random images without")
    args = parser.parse_args()
    if args.check:
        sys.exit(0 if check(framework, points) else 1)
    if not args.worker:
        parser.error("--check or --worker is needed; measurements are made by gpu_peers.py")
    serve(framework, args)
