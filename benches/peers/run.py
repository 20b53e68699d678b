"""Times the programs of a comparison one after the other, and writes a record of it.

    python run.py RECORD.json --work FOLDER --mirscope PROGRAM [--meganeura PROGRAM] [--demo FOLDER]
        [--browser FOLDER_OF_PACKAGES] [--layers N] [--tokens 256,1024] [--limit SECONDS] [--resume]

Runs on the adapter at hand. What each program gave stays in FOLDER/results; with --resume it is not run again.
The record is written anew after each program.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

from record import read, record

HERE = pathlib.Path(__file__).parent
BROWSER = HERE / "browser"
# Seconds for what comes before the passes: reading, compiling, exporting.
LOADING = 240


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def steps(options, folder, case):
    """What is run of a case: commands by the names of their results."""
    python, limit = sys.executable, str(options.limit)
    given, own = folder / "input.json", options.work / "results" / case
    commands = {}

    def step(key, *command):
        commands[key] = [str(part).replace("OUT", str(own / f"{key}.json")) for part in command]

    step("mirscope", options.mirscope, "passes", "--model", folder, "--input", given, "--out", "OUT")
    if options.meganeura:
        command = (options.meganeura, folder, given, "OUT", "--limit", limit)
        step("meganeura", *command)
        step("meganeura-tensor-cores", *command, "--tensor-cores")
    step("torch", python, HERE / "torch_passes.py", folder, "OUT")
    if options.browser:
        node = ("node", BROWSER / "run.mjs")
        step("browser-mirscope", *node, "mirscope", folder, "OUT")
        step("export", python, HERE / "export.py", folder)
        for provider in ("webgpu", "wasm"):
            step(f"browser-onnxruntime-{provider}", *node, provider, folder, "OUT", options.browser, limit)
    return commands


def run(command, seconds, log):
    """Why a command failed; nothing where it did not. What it says goes into a file and to the reader."""
    with open(log, "w+", encoding="utf-8") as words:
        try:
            program = subprocess.Popen(command, stderr=words)
        except OSError as error:
            return f"did not start: {error}"
        try:
            code = program.wait(seconds)
        except subprocess.TimeoutExpired:
            # Asked first: a browser is to be closed.
            program.terminate()
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                program.kill()
            return f"took longer than {seconds:.0f} s"
        words.seek(0)
        said = [line.rstrip() for line in words if line.strip()]
    print("\n".join(said), file=sys.stderr)
    return f"ended with {code}: {said[-1] if said else 'no word'}" if code else None


def has_gpu(result):
    """Whether what a run of this program says it computed on is no processor."""
    own = read(result)
    return bool(own) and own["device"]["device_type"] != "cpu"


def is_whole(result):
    """Whether a result is there that need not be made again; of this program's own, by one that names the machine."""
    own = read(result)
    return bool(own) and (own.get("program") != "mirscope" or "host" in own)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("record", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--mirscope", required=True)
    parser.add_argument("--meganeura")
    parser.add_argument("--demo", type=pathlib.Path)
    parser.add_argument("--browser", type=pathlib.Path)
    parser.add_argument("--layers", default="30")
    parser.add_argument("--tokens", default="256,1024")
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    cases = options.work / "cases"
    prepare = [sys.executable, HERE / "prepare.py", cases, "--layers", options.layers, "--tokens", options.tokens]
    if options.demo:
        prepare += ["--demo", options.demo]
    say("weights")
    options.work.mkdir(parents=True, exist_ok=True)
    failed = run(prepare, LOADING, options.work / "prepare.log")
    if failed:
        sys.exit(f"the weights were not made: it {failed}")
    names = ["smollm2"] + (["demo"] if options.demo else [])
    most = len(options.tokens.split(",")) * options.limit + LOADING
    failures = {}
    for case in names:
        results = options.work / "results" / case
        results.mkdir(parents=True, exist_ok=True)
        for key, command in steps(options, cases / case, case).items():
            result = results / f"{key}.json"
            if key == "meganeura-tensor-cores" and not has_gpu(results / "mirscope.json"):
                continue
            if options.resume and is_whole(result):
                continue
            result.unlink(missing_ok=True)
            say(f"{case}: {key}")
            failed = run(command, most, results / f"{key}.log")
            if failed:
                say(f"{case}: {key} {failed}")
                failures[case, key] = failed
            made = record(cases, options.work / "results", names, failures)
            if made:
                options.record.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    say(f"wrote {options.record}")
    if failures:
        sys.exit(1)


main()
