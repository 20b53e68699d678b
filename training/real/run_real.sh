#!/bin/bash
# The whole study on a machine with a GPU: training, scores, measurements; results in OUT, rewritten as they come.
#   run_real.sh MIRSCOPE OUT SECONDS [--toy]
# GIVEN (/tmp/real/given) is what pack.py made, WORK (/tmp/real/work) keeps what is finished: start it again to go on.
set -u
here=$(cd "$(dirname "$0")" && pwd)
mirscope=$1 out=$2 seconds=$3 toy=${4:-}
given=${GIVEN:-/tmp/real/given} work=${WORK:-/tmp/real/work} python=${PYTHON:-python3}
began=$(date +%s)
left() { echo $((seconds - $(date +%s) + began)); }
tail_s=45 pairs=100
[ -n "$toy" ] && tail_s=${TOY_TAIL:-300} pairs=2
mkdir -p "$out" "$work/runs"
rm -rf "$work/trained" "$work"/runs/*/*.lock

pack() { # whole archives only: each is made beside and moved
    local keep=$work/archives
    mkdir -p "$keep"
    tar -czf "$keep/reports.tar.gz" -C "$work" --exclude='*.safetensors' --exclude='*.lock' --exclude='new-*' runs $(cd "$work" && ls study.json 2>/dev/null)
    local first=() second=()
    for file in "$work"/runs/*/mm_projector.safetensors; do
        [ -e "$file" ] || continue
        file=${file#"$work"/}
        case $file in
        runs/length-of-*) ;; # made again from the untrained one
        *seed[0-9]*) second+=("$file") ;;
        *) first+=("$file") ;;
        esac
    done
    [ ${#first[@]} -gt 0 ] && tar -cf "$keep/connectors-1.tar" -C "$work" "${first[@]}"
    [ ${#second[@]} -gt 0 ] && tar -cf "$keep/connectors-2.tar" -C "$work" "${second[@]}"
    [ -e "$work/pairs/captions.jsonl" ] && tar -czf "$keep/pairs.tar.gz" -C "$work" pairs
    for file in "$keep"/*; do cp "$file" "$out/.new" && mv "$out/.new" "$out/$(basename "$file")"; done
}

budget=$(($(left) - tail_s))
(cd "$here/../.." && PYTHONUNBUFFERED=1 exec timeout $((budget + 25)) "$python" -m training.real.train "$given" "$work" --budget "$budget" $toy) \
    >"$out/train.log" 2>&1 &
trainer=$!
sh "$here/measure_all.sh" "$mirscope" "$given" "$work" "$pairs" >>"$out/measure.log" 2>&1 &
measurers=($!)
packed=$(date +%s)
while kill -0 "$trainer" 2>/dev/null; do
    sleep 1
    if [ $(($(date +%s) - packed)) -ge 20 ]; then
        pack
        packed=$(date +%s)
        tail -n 1 "$out/train.log" "$out/measure.log" 2>/dev/null | grep -v '^$'
    fi
done
wait "$trainer"
echo "training ended with $? after $(($(date +%s) - began)) s; $(left) s are left"
touch "$work/trained"
for _ in ${MORE_MEASURERS-1 2 3}; do
    sh "$here/measure_all.sh" "$mirscope" "$given" "$work" "$pairs" >>"$out/measure.log" 2>&1 &
    measurers+=($!)
done
while [ "$(left)" -gt 6 ] && kill -0 "${measurers[@]}" 2>/dev/null; do sleep 1; done
for pid in "${measurers[@]}"; do pkill -P "$pid" 2>/dev/null; kill "$pid" 2>/dev/null; done
pack
tail -n 100 "$out/measure.log"
tail -n 40 "$out/train.log"
echo "ended after $(($(date +%s) - began)) s"
