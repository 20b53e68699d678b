#!/bin/sh
# Checks and times the adapter of this machine: run.sh [OUT]
#
# Writes check.json, bench.json, torch.json (where python3 has torch) and log.txt into OUT, beside
# itself by default. Needs a Vulkan driver; brings a Vulkan loader in lib/ for where there is none.
# Ends within 10 minutes on a software adapter, within 6 on a GPU: what would take longer is named in
# bench.json. Exit code: 0 all right, 1 something is wrong or failed; log.txt says what.
set -u

here=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
. "$here/machine.sh"
rm -f "$out/check.json" "$out/bench.json" "$out/torch.json"

if has_gpu; then
    kind=GPU check_limit=120 budget=120 bench_limit=180 torch_budget=40 torch_limit=55
else
    kind='no GPU' check_limit=200 budget=170 bench_limit=270 torch_budget=60 torch_limit=100
fi
say "adapter: $kind"

set --
if mkdir "$work/golden" && tar -xzf "$here/golden.tar.gz" -C "$work/golden" 2>>"$log"; then
    set -- --golden "$work/golden"
fi
step check "$check_limit" "$program" check --out "$out/check.json" "$@"
step bench "$bench_limit" "$program" bench --record "$out/bench.json" --budget "$budget"
if command -v python3 >/dev/null && python3 -c 'import torch' 2>>"$log"; then
    step torch "$torch_limit" python3 "$here/torch_times.py" "$out/torch.json" "$torch_budget"
else
    say "torch: python3 has none here, left out"
fi
say "done"
exit "$failed"
