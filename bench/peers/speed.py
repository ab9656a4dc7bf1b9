#!/usr/bin/env python3
"""Training speed beside PyTorch's: samples a second of the same work, interleaved.

    python3 bench/peers/speed.py --program build/bench/bench_train_speed

For every shape the peer first tries its settings (one process a core with one thread each; one process with all
threads; Adam's loop over tensors or fused lists; batch first or time first; eager or TorchScript) and keeps the
fastest. Then caviar and the peer take turns, --pairs times, each on all --cores; the result is the ratio of the two
medians, with every single measurement beside it. Rates are by the clock, and, as `..._cpu`, by the processor time that
the threads got, which is the same on an idle machine; on a busy one caches are shared, so that neither is good, and a
pair that other programs disturbed is measured again as long as --patience lasts. Data is in memory on both sides, as float32 for PyTorch, which is
fastest for it; a step of either is: gather a random batch, forward, cross-entropy, backward, Adam.

Without --program only the peer is timed. The result goes to --output as JSON with device, versions and settings.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent

# name: cell, hidden, layers, batch, readout, the target of the ratio (None: reported, no target)
SHAPES = {
    "tanh_32": ("rnn_tanh", 32, 1, 64, "final_states", 5.0),
    "lstm_32": ("lstm", 32, 1, 64, "final_states", 4.0),
    "gru_64": ("gru", 64, 1, 64, "final_states", 2.5),
    "lstm_128": ("lstm", 128, 1, 128, "final_states", 1.4),
    "tanh_32_last_step": ("rnn_tanh", 32, 1, 64, "last_step", None),
    "lstm_32_last_step": ("lstm", 32, 1, 64, "last_step", None),
    "gru_64_last_step": ("gru", 64, 1, 64, "last_step", None),
    "lstm_128_last_step": ("lstm", 128, 1, 128, "last_step", None),
}
UNDISTURBED = 0.95  # share of the processors that a measurement must have had, or it is repeated
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
STEPS, INPUTS, CLASSES, EXAMPLES = 28, 28, 10, 50000


def flops_per_sample(cell, hidden, layers):
    """Floating-point operations of the matrix products of one training sample, forward and backward, none skipped."""
    products, width = 0, INPUTS
    for layer in range(layers):
        # Forward, gradient by weights, gradient by state; the gradient by input only above the first layer.
        products += GATES[cell] * hidden * (width * (3 if layer else 2) + hidden * 3) * STEPS * 2
        width = 2 * hidden
    return 2 * (products + 3 * 2 * hidden * CLASSES)


def worker(setting):
    """A peer process: reads numbers of seconds, trains that long, writes samples and seconds."""
    import torch
    from torch import nn

    from birnn_torch import BiRnn

    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    time_major = setting["time_major"]
    net = BiRnn(setting["cell"], INPUTS, setting["hidden"], setting["layers"], setting["readout"], CLASSES,
                time_major=time_major)
    step_net = torch.jit.trace(net, torch.rand((STEPS, setting["batch"], INPUTS) if time_major else
                                               (setting["batch"], STEPS, INPUTS))) if setting["script"] else net
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003, foreach=setting["foreach"])
    criterion = nn.CrossEntropyLoss()
    images, labels = torch.rand(EXAMPLES, STEPS, INPUTS), torch.randint(0, CLASSES, (EXAMPLES,))
    batch = setting["batch"]

    def train(seconds):
        samples, began, busy = 0, time.perf_counter(), time.process_time()
        while True:
            # Full batches only: a partial one is another shape, and its share is small.
            for index in torch.randperm(EXAMPLES)[: EXAMPLES // batch * batch].split(batch):
                x = images[index]
                optimizer.zero_grad()
                criterion(step_net(x.transpose(0, 1).contiguous() if time_major else x), labels[index]).backward()
                optimizer.step()
                samples += batch
                spent = time.perf_counter() - began
                if spent >= seconds:
                    cpu = (time.process_time() - busy) / setting["threads"]
                    return dict(wall=samples / spent, cpu=samples / cpu)

    train(0.5)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(train(float(line))), flush=True)


class Peer:
    """PyTorch processes that train one shape side by side when told to."""

    def __init__(self, shape, options, cores):
        cell, hidden, layers, batch, readout, _ = shape
        setting = dict(cell=cell, hidden=hidden, layers=layers, batch=batch, readout=readout) | options
        environment = dict(os.environ, OPENBLAS_NUM_THREADS=str(options["threads"]),
                           OMP_NUM_THREADS=str(options["threads"]))
        count = max(1, cores // options["threads"])
        self.processes = [
            subprocess.Popen([sys.executable, __file__, "--worker", json.dumps(setting)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
            for _ in range(count)
        ]
        for process in self.processes:
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"a PyTorch process did not start: {setting}")

    def rates(self, seconds):
        """Samples a second of all processes together, by the clock and by processor time."""
        for process in self.processes:
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for process in self.processes]
        return {basis: sum(answer[basis] for answer in answers) for basis in ("wall", "cpu")}

    def close(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()


def settings_to_try(cores):
    plain = dict(threads=1, foreach=False, time_major=False, script=False)
    yield "plain", plain
    yield "time major", plain | dict(time_major=True)
    yield "foreach", plain | dict(foreach=True)
    yield "time major, foreach", plain | dict(time_major=True, foreach=True)
    yield "TorchScript", plain | dict(script=True)
    if cores > 1:
        yield f"one process, {cores} threads", plain | dict(threads=cores)


def best_setting(shape, args):
    """The peer's fastest setting for this shape, and what each gave."""
    tried, options = {}, {}
    for name, option in settings_to_try(args.cores):
        with contextlib.closing(Peer(shape, option, args.cores)) as peer:
            tried[name] = round(peer.rates(args.try_seconds)["cpu"])
        options[name] = option
    best = max(tried, key=tried.get)
    return best, options[best], tried


def our_rates(shape, args):
    """The line of JSON that caviar's benchmark program prints."""
    cell, hidden, layers, batch, readout, _ = shape
    command = [args.program, cell, hidden, batch, layers, readout, args.cores, args.seconds]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(name, wall, cpu):
    """Every measurement and the medians."""
    return {f"{name}_runs": [round(r) for r in wall], f"{name}_runs_cpu": [round(r) for r in cpu],
            f"{name}_median": round(statistics.median(wall)), f"{name}_median_cpu": round(statistics.median(cpu))}


def compare(shape, args):
    cell, hidden, layers, batch, readout, target = shape
    best, option, tried = best_setting(shape, args)
    ours, peers = [], []
    give_up = time.monotonic() + args.patience
    with contextlib.closing(Peer(shape, option, args.cores)) as peer:
        while len(peers) < args.pairs:
            our, its = our_rates(shape, args) if args.program else None, peer.rates(args.seconds)
            shares = [its["wall"] / its["cpu"]]
            if our:
                shares.append(our["samples_per_second"] / our["samples_per_cpu_second"])
            if min(shares) < UNDISTURBED and time.monotonic() < give_up:
                time.sleep(1)
                continue
            peers.append(its)
            ours += [our] if our else []
    found = dict(cell=cell, hidden_size=hidden, num_layers=layers, batch_size=batch, readout=readout,
                 bidirectional=True, peer_setting=best, peer_tried=tried)
    found |= summary("peer", [p["wall"] for p in peers], [p["cpu"] for p in peers])
    gflops = found["peer_median_cpu"] * flops_per_sample(cell, hidden, layers) / args.cores / 1e9
    found |= dict(peer_gflops_per_core=round(gflops, 1))
    if ours:
        found |= summary("caviar", [o["samples_per_second"] for o in ours], [o["samples_per_cpu_second"] for o in ours])
        found |= dict(ratio=round(found["caviar_median"] / found["peer_median"], 2),
                      ratio_cpu=round(found["caviar_median_cpu"] / found["peer_median_cpu"], 2), target=target,
                      caviar_gflops_per_core=round(statistics.median(o["gflops"] for o in ours) / args.cores, 1),
                      caviar_share_of_peak=statistics.median(o["share_of_peak"] for o in ours))
    return found


def first_line(command):
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    return "unknown"


def machine():
    """Where and with what numbers were made."""
    import torch

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    blas = "libopenblas" + first_line(["dpkg-query", "-W", "-f= ${Version}", "libopenblas0-pthread"])
    return dict(date=datetime.date.today().isoformat(), cpu=model, cores=os.cpu_count(), system=platform.platform(),
                torch=torch.__version__, blas=blas, commit=first_line(["git", "rev-parse", "--short", "HEAD"]),
                compiler=first_line(["c++", "--version"]), load=os.getloadavg()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="caviar's benchmark program")
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    parser.add_argument("--try-seconds", type=float, default=2.0, help="of one trial of a setting of the peer")
    parser.add_argument("--patience", type=float, default=60.0,
                        help="seconds a shape may spend on repeating pairs that other programs disturbed")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--output", help="file for the result")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.output:  # now, not after minutes of work
        pathlib.Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    if args.worker:
        return worker(json.loads(args.worker))
    result = dict(environment=machine() | dict(cores_used=args.cores, pairs=args.pairs, seconds=args.seconds), shapes={})
    for name in args.shape:
        result["shapes"][name] = found = compare(SHAPES[name], args)
        print(name, json.dumps({k: v for k, v in found.items() if "_runs" not in k}), flush=True)
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
