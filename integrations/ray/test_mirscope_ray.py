"""Two workers measure the demo in shards, one of them is killed on the way; the report is that of one run.

    python test_mirscope_ray.py PROGRAM
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import ray

import mirscope_ray

OPTIONS = ["--num-pairs", "72", "--seed", "5"]
SHARDS = 3


def has_whole_pairs(partial):
    """Whether a file under way says so: its sums come first, and are not 0 where a pair is whole."""
    try:
        with open(partial, "rb") as file:
            file.seek(int.from_bytes(file.read(8), "little"), os.SEEK_CUR)
            return any(file.read(8))
    except OSError:
        return False


def worker_of(file):
    """The process that started the program which writes `file`."""
    listed = subprocess.run(["ps", "-eo", "ppid=,args="], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in listed.splitlines():
        parent, _, arguments = line.strip().partition(" ")
        if arguments.endswith(f"--stats {file}"):
            return int(parent)
    return None


def kill_one_worker(folder, killed, over):
    while not over.is_set():
        for name in os.listdir(folder):
            file = os.path.join(folder, name).removesuffix(".partial")
            worker = worker_of(file) if name.endswith(".partial") and has_whole_pairs(file + ".partial") else None
            if worker is not None:
                os.kill(worker, signal.SIGKILL)
                killed.append(os.path.basename(file))
                return
        time.sleep(0.01)


def check_cards():
    """Each task of a machine takes its own card, whatever else the machine lists."""
    listed = [{"device": {"device_type": kind}} for kind in ["discrete-gpu", "cpu", "discrete-gpu"]]
    chosen = [mirscope_ray.adapter([], [card], listed) for card in range(3)]
    assert chosen == [["--adapter", "0"], ["--adapter", "2"], []], chosen
    assert mirscope_ray.adapter([], [], listed) == []
    assert mirscope_ray.adapter(["--adapter=1"], [1], listed) == []


def main():
    check_cards()
    program = os.path.abspath(sys.argv[1])
    one = subprocess.run([program, "--quiet", "measure", *OPTIONS, "--json"], stdout=subprocess.PIPE, check=True)
    one = json.loads(one.stdout)
    ray.init(num_cpus=2, include_dashboard=False)
    with tempfile.TemporaryDirectory() as folder:
        killed, over = [], threading.Event()
        killer = threading.Thread(target=kill_one_worker, args=(folder, killed, over))
        killer.start()
        try:
            report, printed = mirscope_ray.measure(OPTIONS, SHARDS, folder, program)
        finally:
            over.set()
            killer.join()
        print("".join(printed), end="")
        assert killed, "no worker was caught at work"
        resumed = [line for line in printed if "from an earlier run" in line]
        assert resumed, f"{killed[0]} began anew: {printed}"
        for field in ["mir", "norm_matched_mir", "layers", "metrics"]:
            assert report[field] == one[field], f"{field} differs"
        # The same again has nothing left to run.
        again, printed = mirscope_ray.measure(OPTIONS, SHARDS, folder, program)
        assert again["layers"] == report["layers"]
        assert all("from an earlier run" in line for line in printed), printed
    ray.shutdown()
    print(f"the worker of {killed[0]} was killed; MIR {report['mir']:.6f} as in one run")


if __name__ == "__main__":
    main()
