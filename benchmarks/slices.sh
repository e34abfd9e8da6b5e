#!/usr/bin/env bash
# The ct-nodule-slices that is shipped and that benchmarks/RESULTS.md measures; interrupted, the same command goes on.
#
#     bash benchmarks/slices.sh DATA SLICES WORK
#
# DATA holds three phantoms, LIDC-IDRI-0001 and TCGA-DE-A4MA, in which no lesion is learned, and two phantoms that
# validate; SLICES what readers outlined. First it learns from both, so that it knows slices without a nodule, then from
# outlined slices alone: they are what it is for.
set -euo pipefail
data=$1 slices=$2 work=$3
with=(--set "sample.slices=$slices" --set sample.even_textures=0.5 --set learn.precision=32-true --set learn.workers=0)
train() { lesionkit train ct-nodule-slices "$data" --out "$work/$1" "${with[@]}" "${@:2}"; }
train first --set net.encoder=tf_efficientnet_lite0 --set learn.rate=0.001 --set learn.steps=2400
train second --from "$work/first" --set sample.slices_share=1.0 --set learn.rate=0.0006 --set learn.steps=1000 \
    --set learn.seed=1
