#!/usr/bin/env bash
# Runs the Windows program under wine, on a display without a screen: tools/windows/test.sh PROGRAM.exe PROGRAM OUT
#
# PROGRAM is Linux's: on the same adapter both have to give the same numbers (see same.mjs). OUT becomes a folder of their
# reports and a picture of the app's window. WINE names wine, WINEPREFIX where it keeps its files.
set -euo pipefail

usage='usage: tools/windows/test.sh PROGRAM.exe PROGRAM OUT'
exe=${1:?$usage} linux=${2:?$usage} out=${3:?$usage}
wine=${WINE:-wine64}
tools=$(dirname -- "${BASH_SOURCE[0]}")
adapter=llvmpipe
# Colors that the picture of the app has at least: an empty window has a few.
COLORS=200
# Seconds after which a window without a picture counts as failed.
PATIENCE=${PATIENCE:-300}

say() { printf '%s\n' "$*" >&2; }

rm -rf "$out"
mkdir -p "$out/display"
cp "$exe" "$out/mirscope.exe"
exe=$out/mirscope.exe
# Some versions of wine lack this library, which Rust's standard library needs.
x86_64-w64-mingw32-gcc -O2 -shared -o "$out/bcryptprimitives.dll" "$tools/bcryptprimitives.c" -ladvapi32

# No offer to install what only programs for .NET and pages need.
export WINEDEBUG=-all WINEDLLOVERRIDES='mscoree=;mshtml='
started=''
# wine reaches the Vulkan driver through a display only. Xvfb keeps the picture in a file.
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -fbdir "$out/display" 3>"$out/number" 2>/dev/null &
started=$!
# shellcheck disable=SC2329 # called by the trap
end() {
    # What this script started, the last one first.
    for process in $started; do
        kill "$process" 2>/dev/null || true
    done
    # wine's own processes, those of WINEPREFIX alone.
    for server in "$(dirname -- "$wine")"/wineserver wineserver; do
        ! command -v "$server" >/dev/null || { "$server" -k || true; break; }
    done
}
trap end EXIT
for _ in $(seq 100); do
    [ ! -s "$out/number" ] || break
    sleep 0.1
done
DISPLAY=:$(cat "$out/number")
export DISPLAY

windows() { "$wine" "$exe" "$@" </dev/null; }

# Runs both programs with the same words and compares what they print.
both() {
    local name=$1
    shift
    windows "$@" >"$out/windows-$name" 2>"$out/windows-$name.log" ||
        { cat "$out/windows-$name.log" >&2 && exit 1; }
    "$linux" "$@" >"$out/linux-$name" 2>"$out/linux-$name.log"
}

same() {
    cmp "$out/windows-$1" "$out/linux-$1"
    say "$1: the same"
}

both adapters adapters
grep -q "$adapter" "$out/windows-adapters"
say "adapters: $(grep -c '^[0-9]' "$out/windows-adapters"), $adapter among them"

both report.json measure --num-pairs 8 --adapter "$adapter" --json
node "$tools/same.mjs" "$out/windows-report.json" "$out/linux-report.json"
both shown show "$out/linux-report.json" --out -
same shown
both answer ask --adapter "$adapter" --image assets/demo/images/scene-001.png 'What is in the center?'
[ -s "$out/linux-answer" ]
same answer

# wine lists an adapter of Direct3D 12 that opens no device. What computes passes over it, the window's library does not.
WGPU_BACKEND=vulkan "$wine" "$exe" app </dev/null >"$out/app.log" 2>&1 &
started="$! $started"
for second in $(seq "$PATIENCE"); do
    sleep 1
    if node "$tools/screenshot.mjs" "$out/display/Xvfb_screen0" "$out/app.png" "$COLORS" 2>"$out/colors"; then
        say "window: drawn after $second s; $(cat "$out/colors")"
        exit 0
    fi
done
say "window: nothing drawn after $PATIENCE s; $(cat "$out/colors" "$out/app.log")"
exit 1
