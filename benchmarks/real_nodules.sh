#!/usr/bin/env bash
# The trainings with real nodules that benchmarks/RESULTS.md measures; interrupted, the same command goes on.
#
#     bash benchmarks/real_nodules.sh BANK PARTS WORK
#
# BANK is of `lesionkit bank`, PARTS what `inserted_real.py split` made of it. WORK gets phantoms, data sets and run
# folders, each round begun from the one before and from its false positives: A/r4 never saw LIDC-IDRI-0002 and
# Lung_Dx-A0002, B/r2 never saw the two others, neither saw the patients of PARTS/test. S/r2 goes on from A with all four
# scans and the whole bank, and is shipped.
set -euo pipefail
bank=$1 parts=$2 work=$3
here=$(dirname "$0")
with=(--config "$here/real_nodules.yaml" --set "sample.nodules=$parts/learn")
whole=(--config "$here/real_nodules.yaml" --set "sample.nodules=$bank")
small=(--set 'net.channels=[16,32,64,96]' --set 'net.blocks=[1,2,3,3]')
more=(--set sample.lesion_share=0.2 --set sample.insert_share=0.45)

lesionkit phantom ct --out "$work/phantoms" --count 33 --seed 0 --healthy 0
set_of() { python "$here/training_set.py" --phantoms "$work/phantoms" --validation 5 --out "$@"; }
[ -d "$work/a" ] || set_of "$work/a" --leave-out LIDC-IDRI-0002 --leave-out Lung_Dx-A0002
[ -d "$work/b" ] || set_of "$work/b" --leave-out LIDC-IDRI-0001 --leave-out TCGA-DE-A4MA
[ -d "$work/s" ] || set_of "$work/s"
train() { # DATA OUT RATE STEPS SEED …
    lesionkit train ct-nodule "$work/$1" --out "$work/$2" --set "learn.rate=$3" --set "learn.steps=$4" --set "learn.seed=$5" "${@:6}"
}
train a A/r1 0.002 800 1 "${with[@]}" "${small[@]}"
train a A/r2 0.0015 400 2 "${with[@]}" --from "$work/A/r1"
train a A/r3 0.0018 1000 3 "${with[@]}" --from "$work/A/r2"
train a A/r4 0.0015 1000 4 "${with[@]}" --from "$work/A/r3"
train b B/r1 0.002 1000 1 "${with[@]}" "${small[@]}" --set sample.hard_share=0
train b B/r2 0.0018 1000 2 "${with[@]}" --from "$work/B/r1"
train s S/r1 0.0015 900 5 "${whole[@]}" --from "$work/A/r4"
train s S/r2 0.0012 450 6 "${whole[@]}" "${more[@]}" --from "$work/S/r1"
