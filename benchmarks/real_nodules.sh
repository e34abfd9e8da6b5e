#!/usr/bin/env bash
# Train ct-nodule in rounds; each starts from the weights of the last and from the false positives it has there.
#
#     bash benchmarks/real_nodules.sh DATA BANK OUT [START] [STEPS]
#
# DATA: what benchmarks/training_set.py wrote. BANK: what `lesionkit bank` or `inserted_real.py split` wrote. OUT gets a
# run folder per round, the last one r4. Interrupted, the same command goes on.
set -euo pipefail
data=$1 bank=$2 out=$3 start=${4:-} steps=${5:-800}
here=$(dirname "$0")
mkdir -p "$out"
round=0
for rate in 0.002 0.0015 0.0012 0.0008; do
    round=$((round + 1))
    from=()
    if [ -n "$start" ]; then from=(--from "$start"); fi
    lesionkit train ct-nodule "$data" --out "$out/r$round" "${from[@]}" --config "$here/real_nodules.yaml" \
        --set "sample.nodules=$bank" --set "learn.rate=$rate" --set "learn.steps=$steps" --set "learn.seed=$round"
    start=$out/r$round
done
