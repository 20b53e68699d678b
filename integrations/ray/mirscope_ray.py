"""A measurement of mirscope in shards, as tasks of Ray.

    python mirscope_ray.py --shards 8 --folder /shared/run --out report.json -- --model DIR --pairs pairs.jsonl

What follows `--` goes to `mirscope measure`. Each shard saves its states in the folder, which all machines of the
cluster see at the same path; a task that dies is tried again and goes on where it stopped, and so does the same
command after an interruption. At the end `mirscope merge` makes one report.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys

import ray


def _dies_with_its_parent():
    """A worker that is killed must not leave a process behind that goes on writing its shard's file."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          preexec_fn=_dies_with_its_parent)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def adapter(options, cards, adapters):
    """The options that choose the card that Ray gave a task, one of `cards` of its machine.

    CUDA_VISIBLE_DEVICES, which Ray sets, means nothing to Vulkan: without this, all tasks of a machine would take the
    same card. `adapters` is what `mirscope adapters --json` printed there.
    """
    if not cards or any(option.split("=")[0] == "--adapter" for option in options):
        return []
    numbers = [number for number, listed in enumerate(adapters) if listed["device"]["device_type"] == "discrete-gpu"]
    card = int(cards[0])
    return ["--adapter", str(numbers[card])] if card < len(numbers) else []


def shard(program, options, number, of, file):
    """Runs one shard; what the program printed."""
    print(f"shard {number} of {of}", file=sys.stderr, flush=True)
    cards = ray.get_gpu_ids()
    chosen = adapter(options, cards, json.loads(_run([program, "adapters", "--json"]))) if cards else []
    return _run([program, "--quiet", "measure", *options, *chosen, "--shard", f"{number}/{of}", "--stats", file])


def measure(options, shards, folder, program="mirscope", out=None, retries=3, num_cpus=1, num_gpus=0):
    """The report of all shards as a dictionary, and what the program printed of each."""
    folder = os.path.abspath(folder)  # workers have a working directory of their own
    os.makedirs(folder, exist_ok=True)
    task = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus, max_retries=retries)(shard)
    files = [os.path.join(folder, f"shard-{number}-of-{shards}.safetensors") for number in range(1, shards + 1)]
    tasks = [task.remote(program, list(options), number, shards, file) for number, file in enumerate(files, 1)]
    printed = ray.get(tasks)
    written = ["--out", out] if out else []
    report = json.loads(_run([program, "--quiet", "merge", *files, "--json", *written]))
    return report, printed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, required=True, help="number of tasks")
    parser.add_argument("--folder", required=True, help="where the shards' files go, seen by every machine")
    parser.add_argument("--out", help="file of the report (.json, .csv, .html or .svg); without it JSON is printed")
    parser.add_argument("--address", help="the cluster's [default: RAY_ADDRESS, or one on this machine]")
    parser.add_argument("--program", default="mirscope", help="the program, at the same path on every machine")
    parser.add_argument("--retries", type=int, default=3, help="how often a task that died is tried again")
    parser.add_argument("--cpus", type=float, default=1, help="processors of a task")
    parser.add_argument("--gpus", type=float, default=0, help="cards of a task")
    parser.add_argument("options", nargs="*", help="options of `mirscope measure`, after --")
    task = parser.parse_args()
    ray.init(address=task.address)
    report, printed = measure(task.options, task.shards, task.folder, task.program, task.out, task.retries,
                              task.cpus, task.gpus)
    sys.stderr.writelines(printed)
    if not task.out:
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
