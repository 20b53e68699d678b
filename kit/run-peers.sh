#!/bin/sh
# Times this program, meganeura and PyTorch on the same weights: run-peers.sh [OUT] [OPTIONS OF peers/run.py]
#
# Writes peers.json and log.txt into OUT, beside itself by default. Needs a Vulkan driver and a python3
# (or PYTHON) that has PyTorch. Ends within two minutes on a GPU. Exit code: 0 all right, 1 something
# failed; log.txt says what.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
. "$here/machine.sh"
[ $# -eq 0 ] || shift
rm -f "$out/peers.json"
python=${PYTHON:-python3}
if ! "$python" -c 'import torch' 2>>"$log"; then
    say "$python has no PyTorch: expected one that makes the weights; PYTHON names another"
    exit 1
fi
gzip -dc "$here/peers/meganeura.gz" >"$work/meganeura" && chmod +x "$work/meganeura" || exit 1
limit=20 most=110
has_gpu || limit=600 most=5400
step peers "$most" "$python" "$here/peers/run.py" "$out/peers.json" --work "$work/peers" \
    --mirscope "$program" --meganeura "$work/meganeura" --limit "$limit" "$@"
exit "$failed"
