#!/bin/sh
# Measures each finished run by mirscope: with prose, then with the pictures' own captions.
#   measure_all.sh MIRSCOPE GIVEN WORK [PAIRS]
# Several may work side by side: who makes a report's .lock has it. What is there already is not measured again.
set -u
mirscope=$1 given=$2 work=$3 pairs=${4:-100}

measure() { # run's folder, list
    report=$1/mir-$2.json
    [ -e "$report" ] || [ -e "$1/mir-$2.failed" ] && return 1
    mkdir "$1/$2.lock" 2>/dev/null || return 1
    began=$(date +%s)
    if "$mirscope" measure --base-llm "$given/model.gguf" --vision-tower "$given/tower" --connector "$1/mm_projector.safetensors" \
        --pairs "$work/pairs/$2.jsonl" --num-pairs "$pairs" --seed 1 --metrics all --force --out "$1/new-$2.json" >"$1/mir-$2.log" 2>&1; then
        mv "$1/new-$2.json" "$report"
        echo "$(basename "$1"), $2: $(grep '^MIR' "$1/mir-$2.log") ($(($(date +%s) - began)) s)"
    else
        mv "$1/mir-$2.log" "$1/mir-$2.failed"
        echo "$(basename "$1"), $2: failed: $(tail -n 2 "$1/mir-$2.failed")"
    fi
    return 0
}

next() { # one measurement, the most wanted first
    for list in prose captions; do
        for length in "" length-of-; do
            for run in "$work"/runs/*/; do
                run=${run%/}
                case $(basename "$run") in
                length-of-*) [ -n "$length" ] || continue ;;
                *) [ -z "$length" ] || continue ;;
                esac
                [ -e "$run/mm_projector.safetensors" ] || continue
                [ "$list$length" = captionslength-of- ] && continue
                measure "$run" "$list" && return 0
            done
        done
    done
    return 1
}

while :; do
    if [ -e "$work/pairs/captions.jsonl" ] && next; then continue; fi
    [ -e "$work/trained" ] && exit 0
    sleep 1
done
