#!/usr/bin/env bash
# The trainings of ct-nodule-rpn that benchmarks/RESULTS.md measures: one round, two more with mining, and the same two
# without, which is the control; interrupted, the same command goes on.
#
#     bash benchmarks/rpn.sh DATA PARTS WORK
#
# DATA is what `training_set.py --leave-out LIDC-IDRI-0002 --leave-out Lung_Dx-A0002` makes of phantoms and scans, PARTS
# what `inserted_real.py split` makes of a bank. Rounds end by minutes of wall time, so another machine learns more or less.
set -euo pipefail
data=$1 parts=$2 work=$3
with=(--config "$(dirname "$0")/rpn.yaml" --set "sample.nodules=$parts/learn")
later=(--from "$work/r1" --set learn.first_round=2 --set learn.rounds=3 --set learn.minutes=14 --set learn.seed=2)
train() { lesionkit train ct-nodule-rpn "$data" --out "$work/$1" "${with[@]}" "${@:2}"; }
train r1 --set learn.minutes=24 --set learn.seed=1
train mined "${later[@]}"
train control "${later[@]}" --set mine.rule=none
