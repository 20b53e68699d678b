"""Joins what the programs gave into a record: times side by side, and how far their outputs are apart."""

import json
import math
import statistics
import time

SCHEMA = 1


def read(file):
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def median(run):
    return statistics.median(run["seconds"])


def deviation(found, expected):
    """The largest difference, in parts of the largest value; nothing where there is no output."""
    if len(found) != len(expected) or not expected:
        return None
    largest = max(abs(value) for value in expected)
    return max(abs(a - b) for a, b in zip(found, expected)) / largest


def finite(run):
    """Whether all of an output are numbers."""
    return all(value is not None and math.isfinite(value) for value in run["output"])


def what(run):
    return "one image" if run["tokens"] is None else f"{run['tokens']} tokens"


def compared(model, where, own, peer, name):
    """The entries of one peer."""
    by_tokens = {run["tokens"]: run for run in own["passes"]}
    for run in peer["passes"]:
        mine = by_tokens.get(run["tokens"])
        if mine and finite(mine) and finite(run):
            yield {
                "model": model,
                "what": what(run),
                "where": where,
                "peer": ", ".join(filter(None, (name, run.get("note")))),
                "device": peer["device"],
                "runs": len(mine["seconds"]),
                "seconds": median(mine),
                "peer_runs": len(run["seconds"]),
                "peer_seconds": median(run),
                "deviation": deviation(mine["output"], run["output"]),
            }


def record(cases, results, names, failures):
    """The record so far; nothing before this program's own times are there."""
    entries, left_out, first = [], [], None
    for case in names:
        given = read(cases / case / "input.json")
        own = {place: read(results / case / f"{prefix}mirscope.json") for place, prefix in PLACES}
        first = first or own["native"]
        for place, prefix in PLACES:
            for key, setting in PEERS[place]:
                file = f"{prefix}{key}"
                peer = read(results / case / f"{file}.json")
                if (case, file) in failures:
                    reason = f"it {failures[case, file]}"
                    left_out.append({"name": f"{given['name']}: {file}", "reason": reason})
                if not peer or not own[place]:
                    continue
                name = " ".join(filter(None, (peer["program"], peer["version"], setting)))
                where = peer.get("where", place)
                entries += compared(given["name"], where, own[place], peer, name)
                missing = list(peer.get("left_out", []))
                both = peer["passes"] + own[place]["passes"]
                missing += [run | {"reason": "an output that is no number"} for run in both if not finite(run)]
                for run in missing:
                    about = f"{given['name']}, {what(run)}: {name}"
                    left_out.append({"name": about, "reason": run["reason"]})
    if not first:
        return None
    return {
        "schema": SCHEMA,
        "mirscope_version": first["version"],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": first["device"],
        "host": first["host"],
        "entries": entries,
        "left_out": left_out,
    }


PLACES = (("native", ""), ("browser", "browser-"))
PEERS = {
    "native": (("meganeura", ""), ("meganeura-tensor-cores", "with reduced precision"), ("torch", "")),
    "browser": (("onnxruntime-webgpu", ""), ("onnxruntime-wasm", "")),
}
