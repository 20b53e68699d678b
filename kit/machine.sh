# What the kit's scripts begin with: . machine.sh [OUT], from the folder `here`.
#
# Sets `out`, `work` (a folder that is removed at the end), `log` and `program`, exports what leads to
# the Vulkan loader and driver, and defines `say`, `has_gpu` and `step`.
# shellcheck shell=sh disable=SC2154 # `here` is the script's

PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
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
