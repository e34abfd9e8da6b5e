#!/usr/bin/env bash
# The chain of ct-nodule-two-stage that is shipped and that benchmarks/RESULTS.md measures; interrupted, it goes on.
#
#     bash benchmarks/real_two_stage.sh DATA PARTS WORK
#
# DATA is WORK/a of `benchmarks/real_nodules.sh`: 28 phantoms, LIDC-IDRI-0001 and TCGA-DE-A4MA, with five phantoms that
# validate. PARTS is what `inserted_real.py split` made of a bank. The chain learns from PARTS/learn and to rank what
# model A of ct-nodule finds; neither saw LIDC-IDRI-0002, Lung_Dx-A0002, or the patients of PARTS/test.
set -euo pipefail
data=$1 parts=$2 work=$3
here=$(dirname "$0")
with=(--set "sample.nodules=$parts/learn" --set "screen.model=$here/models/ct-nodule-a.safetensors")
train() { # OUT CONFIG …
    lesionkit train ct-nodule-two-stage "$data" --out "$work/$1" --config "$here/$2" "${with[@]}" "${@:3}"
}
train first real_two_stage.yaml
train second real_two_stage_second.yaml --from "$work/first"
