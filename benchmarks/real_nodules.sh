#!/usr/bin/env bash
# The trainings with real nodules that benchmarks/RESULTS.md measures; interrupted, the same command goes on.
#
#     bash benchmarks/real_nodules.sh PARTS WORK
#
# PARTS is what `inserted_real.py split` wrote. WORK gets phantoms, data sets and run folders: A/r2 is model A, a small
# net from scratch that never saw LIDC-IDRI-0002 and Lung_Dx-A0002; F/r1 is the shipped model tuned in all four scans. Neither
# saw the patients of PARTS/test.
set -euo pipefail
parts=$1 work=$2
here=$(dirname "$0")
bank=(--config "$here/real_nodules.yaml" --set "sample.nodules=$parts/learn")
small=(--set 'net.channels=[16,32,64,96]' --set 'net.blocks=[1,2,3,3]')
tuned=(--set sample.lesion_share=0.25 --set sample.insert_share=0.45)

lesionkit phantom ct --out "$work/phantoms" --count 33 --seed 0 --healthy 0
set_of() { python "$here/training_set.py" --phantoms "$work/phantoms" --out "$@"; }
[ -d "$work/data-a" ] || set_of "$work/data-a" --leave-out LIDC-IDRI-0002 --leave-out Lung_Dx-A0002 --validation 5
[ -d "$work/data-f" ] || set_of "$work/data-f" --validation 0

lesionkit train ct-nodule "$work/data-a" --out "$work/A/r1" "${bank[@]}" "${small[@]}" \
    --set learn.rate=0.002 --set learn.steps=800 --set learn.seed=1
lesionkit train ct-nodule "$work/data-a" --out "$work/A/r2" --from "$work/A/r1" "${bank[@]}" \
    --set learn.rate=0.0015 --set learn.steps=400 --set learn.seed=2
lesionkit train ct-nodule "$work/data-f" --out "$work/F/r1" --from ct-nodule "${bank[@]}" "${tuned[@]}" \
    --set learn.rate=0.001 --set learn.steps=220 --set learn.seed=11
lesionkit train ct-nodule "$work/data-f" --out "$work/F/r2" --from "$work/F/r1" "${bank[@]}" "${tuned[@]}" \
    --set learn.rate=0.0007 --set learn.steps=130 --set learn.seed=12
