"""What makes a slide hard: tumour that looks like what lies around it, and benign tissue that looks like tumour."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from lesionkit.phantoms.slide.lesion import Metastasis
from lesionkit.phantoms.slide.plan import Artefacts, SlidePlan, Tumour
from lesionkit.phantoms.slide.sprite import NucleusKind

_ONE_BY_ONE = 0.7
"""Share of the metastases of a hard slide whose cells lie one by one."""


def hardened(plan: SlidePlan, artefacts: float = 1.0) -> SlidePlan:
    """The same slide with another tumour, a node full of histiocytes and germinal centres, crushed and blurred places.

    The rest of the plan stays, so that an easy slide shows what it did before there were hard ones.

    Args:
        artefacts: of crushed and blurred places, as a multiple of the usual.
    """
    rng = np.random.default_rng([29, plan.seed])
    traits = replace(
        plan.traits,
        follicles=float(rng.uniform(0.7, 0.95)),
        germinal=float(rng.uniform(0.8, 1.0)),
        sinuses=float(rng.uniform(0.7, 1.0)),
        histiocytosis=float(rng.uniform(0.35, 0.7)),
        blasts=float(rng.uniform(0.3, 0.6)),
        granulomas=float(rng.uniform(0.4, 0.8)),
        venules=float(rng.uniform(0.5, 0.8)),
    )
    return replace(
        plan,
        traits=traits,
        tumour=_small_even_tumour(rng),
        artefacts=_worse(rng, plan.artefacts, min(artefacts, 1.0)),
        lesions=_dispersed(rng, plan.lesions),
    )


def _small_even_tumour(rng: Generator) -> Tumour:
    """Cells little larger than lymphocytes, each for itself, as of a lobular carcinoma."""
    diameter = float(rng.uniform(7.6, 8.8))
    nucleus = NucleusKind(
        diameter,
        spread=float(rng.uniform(0.09, 0.13)),
        elongation=float(rng.uniform(1.12, 1.3)),
        irregular=float(rng.uniform(0.05, 0.08)),
        density=float(rng.uniform(0.8, 1.15)),
        clumps=float(rng.uniform(0.24, 0.36)),
        rim=float(rng.uniform(0.25, 0.4)),
        nucleoli=float(rng.uniform(0.1, 0.6)),
    )
    return Tumour(
        nucleus,
        pitch_um=diameter * float(rng.uniform(1.25, 1.6)),
        eosin=float(rng.uniform(0.24, 0.32)),
        haematoxylin=float(rng.uniform(0.16, 0.22)),
        among=float(rng.uniform(0.22, 0.45)),
    )


def _worse(rng: Generator, artefacts: Artefacts, amount: float) -> Artefacts:
    defocus = max(artefacts.defocus, amount * float(rng.uniform(0.25, 0.6)))
    return replace(artefacts, defocus=defocus, crush=amount * float(rng.uniform(0.3, 0.7)))


def _dispersed(rng: Generator, lesions: Sequence[Metastasis]) -> tuple[Metastasis, ...]:
    alone = rng.random(len(lesions)) < _ONE_BY_ONE
    return tuple(
        replace(lesion, growth="scattered") if one else lesion for lesion, one in zip(lesions, alone, strict=True)
    )
