#!/bin/sh
# Checks and times the adapter of this machine: run.sh [OUT]
#
# Writes check.json, bench.json, torch.json (where python3 has torch) and log.txt into OUT, beside
# itself by default. Needs a Vulkan driver; brings a Vulkan loader in lib/ for where there is none.
# Ends within 10 minutes on a software adapter, within 6 on a GPU: what would take longer is named in
# bench.json. Exit code: 0 all right, 1 something is wrong or failed; log.txt says what.
set -u

PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
here=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
out=${1:-$here}
mkdir -p "$out" || exit 1
out=$(cd -- "$out" && pwd) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/mirscope-kit.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
started=$(date +%s)
failed=0
log=$out/log.txt
: >"$log" || exit 1
rm -f "$out/check.json" "$out/bench.json" "$out/torch.json"

# The program, unpacked where programs may run.
program=
for folder in "$work" "$out"; do
    gzip -dc "$here/mirscope.gz" >"$folder/mirscope" && chmod +x "$folder/mirscope" || continue
    if "$folder/mirscope" --version >>"$log" 2>&1; then
        program=$folder/mirscope
        break
    fi
done
if [ -z "$program" ]; then
    echo "mirscope does not start here, see $log" >&2
    exit 1
fi

say() { printf '== %s s  %s\n' "$(($(date +%s) - started))" "$*" | tee -a "$log"; }

# Some drivers want a folder of their own.
if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
    mkdir -p "$work/runtime" && chmod 700 "$work/runtime"
    XDG_RUNTIME_DIR=$work/runtime
    export XDG_RUNTIME_DIR
fi
HOME=${HOME:-$work}
export HOME

# The machine.
{
    date -u
    uname -a
    grep -m 1 'model name' /proc/cpuinfo
    grep -c '^processor' /proc/cpuinfo
    grep -E 'MemTotal|MemAvailable' /proc/meminfo
    cat /proc/loadavg
    ldd --version 2>&1 | head -n 1
    grep PRETTY_NAME /etc/os-release
    command -v nvidia-smi && nvidia-smi
    ls -l /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/nvidia/share/vulkan/icd.d
} >>"$log" 2>&1

# The loader of the system, or else ours.
has_loader() {
    { ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | grep -q 'libvulkan\.so\.1' && return 0
    for folder in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib; do
        [ ! -e "$folder/libvulkan.so.1" ] || return 0
    done
    return 1
}
if has_loader; then
    say "Vulkan loader: the system's"
elif [ -e "$here/lib/libvulkan.so.1" ]; then
    LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    say "Vulkan loader: the kit's"
else
    say "Vulkan loader: none"
fi

# The adapters: where there is no GPU among them, the driver in a place of its own is tried.
adapters() { "$program" adapters --json 2>>"$log"; }
has_gpu() { grep -q '"device_type": "\(discrete\|integrated\|virtual\)-gpu"' "$work/adapters.json"; }
adapters >"$work/adapters.json"
if ! has_gpu; then
    for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib; do
        [ ! -d "$folder" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
    done
    [ -z "${LD_LIBRARY_PATH:-}" ] || export LD_LIBRARY_PATH
    for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json \
        /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json; do
        [ -e "$icd" ] || continue
        VK_DRIVER_FILES=$icd
        export VK_DRIVER_FILES
        adapters >"$work/adapters.json"
        if has_gpu; then
            say "Vulkan driver: $icd"
            break
        fi
        unset VK_DRIVER_FILES
    done
    [ -n "${VK_DRIVER_FILES:-}" ] || adapters >"$work/adapters.json"
fi
"$program" adapters >>"$log" 2>&1
if has_gpu; then
    kind=GPU check_limit=120 budget=120 bench_limit=180 torch_budget=40 torch_limit=55
else
    kind='no GPU' check_limit=200 budget=170 bench_limit=270 torch_budget=60 torch_limit=100
fi
say "adapter: $kind"

# Runs a step with a limit of seconds; its words go to the log and the screen.
step() {
    name=$1 limit=$2
    shift 2
    say "$name (at most $limit s)"
    { timeout -k 5 "$limit" "$@"; echo $? >"$work/rc"; } 2>&1 | tee -a "$log"
    code=$(cat "$work/rc")
    if [ "$code" != 0 ]; then
        failed=1
        say "$name: exit code $code"
    fi
}

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
