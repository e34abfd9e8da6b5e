"""The test that counts: real nodules of unseen patients in real scans no model of the comparison learned from.

    lesionkit bank NODULES --out BANK
    python benchmarks/inserted_real.py split BANK --out PARTS     # PARTS/learn, PARTS/test: 70, 30 % of patients

Patients are dealt within strata of their rarest texture, so that both parts hold ground glass.
"""

import argparse
from pathlib import Path

import numpy as np

from lesionkit.phantoms.ct.nodule_bank import NoduleBank, load_bank, save_bank

TEST_SHARE = 0.3


def split(bank: NoduleBank, seed: int) -> tuple[list[str], list[str]]:
    """Patients to learn from and to test on; strata: the patient's rarest texture."""
    rarest: dict[str, int] = {}
    for nodule in bank:
        order = ("ground-glass", "part-solid", "solid").index(nodule.texture_name)
        rarest[nodule.patient_id] = min(order, rarest.get(nodule.patient_id, 9))
    rng = np.random.default_rng(seed)
    learn: list[str] = []
    test: list[str] = []
    for stratum in range(3):
        patients = sorted(p for p, order in rarest.items() if order == stratum)
        dealt = [patients[i] for i in rng.permutation(len(patients))]
        count = round(TEST_SHARE * len(dealt))
        test += dealt[:count]
        learn += dealt[count:]
    return sorted(learn), sorted(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    deal = verbs.add_parser("split")
    deal.add_argument("bank", type=Path)
    deal.add_argument("--out", type=Path, required=True)
    deal.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bank = load_bank(options.bank)
    for name, patients in zip(("learn", "test"), split(bank, options.seed), strict=True):
        part = bank.of_patients(patients)
        save_bank(options.out / name, part)
        textures = [nodule.texture_name for nodule in part]
        told = ", ".join(f"{textures.count(t)} {t}" for t in ("solid", "part-solid", "ground-glass"))
        print(f"{name}: {len(part)} nodules of {len(patients)} patients: {told}")


if __name__ == "__main__":
    main()
