#!/usr/bin/env bash
# The trainings of ct-nodule-rpn that benchmarks/RESULTS.md measures; interrupted, the same command goes on.
#
#     bash benchmarks/rpn.sh DATA PARTS WORK [COPIES]
#
# DATA is what `training_set.py --leave-out LIDC-IDRI-0002 --leave-out Lung_Dx-A0002` makes of phantoms and scans, PARTS
# what `inserted_real.py split` makes of a bank, COPIES what `real_copies.py DATA PARTS/learn COPIES` makes of both. One
# round, and from it rounds by three rules of mining and without any, of equal steps; then, by COPIES, one round, and from
# it one with mining, which is shipped, and one without. Then what is learned in few minutes one way and another.
set -euo pipefail
data=$1 parts=$2 work=$3 copies=${4:-}
with=(--config "$(dirname "$0")/rpn.yaml" --set "sample.nodules=$parts/learn")
later=(--set learn.first_round=2 --set learn.rounds=2 --set learn.last_focus=0 --set learn.seed=2)
last=(--set learn.keep=last --set learn.validate_every=100000)
train() { lesionkit train ct-nodule-rpn "$1" --out "$work/$2" "${with[@]}" "${@:3}"; }
train "$data" r1 --set learn.minutes=24 --set learn.seed=1
for rule in none rate hardest spread; do
    train "$data" "r2-$rule" --from "$work/r1" "${later[@]}" --set "mine.rule=$rule" --set mine.steps=599
done
if [ -n "$copies" ]; then
    train "$copies" b1 "${last[@]}" --set learn.steps=1000 --set learn.seed=1
    for rule in rate none; do
        name=$([ $rule = rate ] && echo b2mined || echo b2none)
        train "$copies" "$name" --from "$work/b1" "${later[@]}" "${last[@]}" --set "mine.rule=$rule" --set mine.steps=600
    done
fi
for loss in parts pooled; do
    train "$data" "loss-$loss" "${last[@]}" --set learn.seed=1 --set learn.steps=450 --set "learn.rule.loss=$loss"
done
grown='[[32, 0.25], [64, 0.25], [96, 0.25], [128, 0.25]]'
for dropout in 0.1 0.5; do
    minutes=("${last[@]}" --set learn.seed=1 --set learn.steps=100000 --set learn.minutes=3.5 --set learn.batch=4)
    train "$data" "grown-$dropout" "${minutes[@]}" --set "net.dropout=$dropout" --set "learn.curriculum=$grown"
    train "$data" "direct-$dropout" "${minutes[@]}" --set "net.dropout=$dropout" --set sample.patch=128
done
