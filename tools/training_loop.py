"""Measures checkpoints one after the other, as a training loop does after each save.

    python tools/training_loop.py PAIRS.jsonl CHECKPOINT...
"""

import json
import os
import subprocess
import sys


def measure(checkpoint, pairs, num_pairs=100):
    """The report of `mirscope measure` as a dictionary."""
    program = os.environ.get("MIRSCOPE", "mirscope")
    command = [program, "measure", "--model", checkpoint, "--pairs", pairs, "--num-pairs", str(num_pairs), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


if __name__ == "__main__":
    for checkpoint in sys.argv[2:]:
        report = measure(checkpoint, sys.argv[1])
        last = report["layers"][-1]
        print(checkpoint, report["mir"], report["norm_matched_mir"], last["frechet"], flush=True)
