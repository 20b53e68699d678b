#!/usr/bin/env bash
# Shares SECONDS among fuzz targets and tells what came of it: `./dev fuzz` calls this with the program it built.
#
#     fuzz/run.sh PROGRAM FOLDER SECONDS TARGET...
#
# FOLDER keeps the inputs of each target, so that the next run goes on from them, and in faults/ what a target
# failed on. FUZZ_SLICE: the most seconds that one target runs at a time (60). Between slices it ends where the file
# that FUZZ_STOP names is there. Works with bash 3.2.
set -euo pipefail

program=$1 folder=$2 seconds=$3
shift 3
slice=${FUZZ_SLICE:-60}
began=$SECONDS
log=$folder/runs.tsv
mkdir -p "$folder/faults"
touch "$log"
# A page's stack has 1 MiB.
ulimit -S -s 1024
first=$(wc -l <"$log")

say() { printf '%s\n' "$*" >&2; }

# Ten seconds may be the machine's that does something else: what takes less than five of the processor's is no fault.
drop_quick() {
    local target=$1 file used
    for file in "$folder/faults/$target"-timeout-*; do
        [ -e "$file" ] && [ ! -e "$file.slow" ] || continue
        local TIMEFORMAT='%U'
        used=$( { time FUZZ_TARGET=$target "$program" -timeout=600 "$file" >/dev/null 2>&1 || true; } 2>&1)
        if [ "${used%.*}" -lt 5 ]; then rm "$file"; else touch "$file.slow"; fi
    done
}

faults_of() { find "$folder/faults" -name "$1-*" ! -name '*.slow' | wc -l; }

# What takes part in a target's first run: its seeds without those that bring nothing.
seed() {
    local target=$1
    [ ! -d "$folder/$target" ] || return 0
    say "$target: making its seeds"
    rm -rf "$folder/$target.new" "$folder/$target.seeds"
    FUZZ_TARGET=$target FUZZ_SEEDS=$folder/$target.seeds "$program" 2>"$folder/$target.log"
    mkdir "$folder/$target.new"
    FUZZ_TARGET=$target "$program" -merge=1 -artifact_prefix="$folder/faults/$target-" -timeout=10 \
        -report_slow_units=600 -rss_limit_mb=2048 "$folder/$target.new" "$folder/$target.seeds" >"$folder/$target.log" 2>&1 || true
    rm -rf "$folder/$target.seeds"
    mv "$folder/$target.new" "$folder/$target"
}

# Runs one target for so many seconds, and notes: target, inputs, new coverage, faults, seconds, processor seconds.
fuzz() {
    local target=$1 most=$2 before after times output=$folder/$1.log
    before=$(faults_of "$target")
    seed "$target"
    local TIMEFORMAT='%R %U %S'
    times=$( {
        time FUZZ_TARGET=$target "$program" -max_total_time="$most" -timeout=10 -report_slow_units=600 -rss_limit_mb=2048 \
            -max_len=65536 -print_final_stats=1 -dict="$folder/$target.dict" \
            -artifact_prefix="$folder/faults/$target-" "$folder/$target" >"$output" 2>&1 || true
    } 2>&1)
    drop_quick "$target"
    after=$(faults_of "$target")
    if [ "$after" = "$before" ] && ! grep -q -e '^Done ' -e 'libFuzzer: timeout' "$output"; then
        say "$target: it ended without a fault and before its time:"
        tail -n 5 "$output" >&2
        exit 2
    fi
    awk -v target="$target" -v faults="$((after - before))" -v times="$times" '
        match($0, /^#[0-9]+/) { inputs = substr($0, 2, RLENGTH - 1) }
        / cov: / {
            for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1)
            if (begin == "" || $2 == "INITED") begin = cov
        }
        /stat::number_of_executed_units/ { inputs = $2 }
        END {
            split(times, t, " ")
            printf "%s\t%d\t%d\t%d\t%.1f\t%.1f\n", target, inputs, cov - begin, faults, t[1], t[2] + t[3]
        }' "$output" >>"$log"
}

# The rows of the log from a line on, summed up.
table() {
    tail -n "+$1" "$log" | awk -F '\t' '
        {
            if (!($1 in inputs)) names[++count] = $1
            inputs[$1] += $2; cov[$1] += $3; faults[$1] += $4; wall[$1] += $5; cpu[$1] += $6
        }
        END {
            form = "%-12s %12s %12s %7s %9s %10s\n"
            printf form, "target", "inputs", "new coverage", "faults", "seconds", "CPU hours"
            for (i = 1; i <= count; i++) {
                name = names[i]
                printf form, name, inputs[name], cov[name], faults[name], int(wall[name]), sprintf("%.3f", cpu[name] / 3600)
                all += inputs[name]; new += cov[name]; bad += faults[name]; time += wall[name]; hours += cpu[name] / 3600
            }
            printf form, "all", all, new, bad, int(time), sprintf("%.3f", hours)
        }'
}

share=$((seconds / $#))
[ "$share" -ge 1 ] || share=1
[ "$share" -le "$slice" ] || share=$slice
while [ $((SECONDS - began)) -lt "$seconds" ]; do
    for target in "$@"; do
        [ ! -e "${FUZZ_STOP:-/nonexistent}" ] || break 2
        left=$((seconds - SECONDS + began))
        [ "$left" -gt 0 ] || break 2
        fuzz "$target" "$((left < share ? left : share))"
    done
done
table $((first + 1))
echo
echo "Since the first run: $(table 1 | tail -n 1 | awk '{ print $6 " CPU hours, " $2 " inputs, " $4 " faults" }')"
bad=$(tail -n "+$((first + 1))" "$log" | awk -F '\t' '{ bad += $4 } END { print bad + 0 }')
if [ "$bad" -gt 0 ]; then
    say "faults: $folder/faults; try one again with FUZZ_TARGET=TARGET $program FILE"
    exit 1
fi
