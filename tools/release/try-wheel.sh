#!/usr/bin/env bash
# Tries a Python wheel: tools/release/try-wheel.sh WHEEL VERSION
#
# In an environment of its own, from an empty folder: the program says its version and measures the embedded demo, and the
# recipe for training loops finds it there and measures the same checkpoint from its files, to the same number.
set -euo pipefail

usage='usage: tools/release/try-wheel.sh WHEEL VERSION'
wheel=${1:?$usage} version=${2:?$usage}
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# Enough for a rate, few enough for a software adapter.
PAIRS=4

die() {
    printf 'try-wheel.sh: %s\n' "$*" >&2
    exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
bin=$folder/venv/bin
[ -d "$bin" ] || bin=$folder/venv/Scripts
"$bin/python" -m pip install --quiet --no-index "$wheel"
PATH=$bin:$PATH
unset MIRSCOPE
mkdir "$folder/empty"
cd "$folder/empty"

said=$(mirscope --version)
[ "$said" = "mirscope $version" ] || die "expected mirscope $version, found $said"
mirscope measure --num-pairs "$PAIRS" --json >../report.json 2>../log || die "$(cat ../log)"
python - "$root" "$PAIRS" ../report.json <<'TEXT'
import json
import os
import sys

root, pairs, report = sys.argv[1:]
sys.path.insert(0, os.path.join(root, "tools"))
from training_loop import measure

demo = os.path.join(root, "assets", "demo")
with open(report, encoding="utf-8") as file:
    expected = json.load(file)["mir"]
found = measure(os.path.join(demo, "model"), os.path.join(demo, "pairs.jsonl"), int(pairs))["mir"]
if expected is None or found != expected:
    sys.exit(f"expected the recipe to measure {expected}, as of the embedded demo, found {found}")
print(f"the wheel measures {found}, alone and by the recipe for training loops", file=sys.stderr)
TEXT
[ -z "$(ls)" ] || die "expected nothing to be left in the folder, found: $(ls)"
