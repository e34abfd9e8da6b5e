"""What a model was trained on, and a warning when a scan lies outside it."""

from collections.abc import Sequence
from typing import Self

from lesionkit.core.case import Case
from lesionkit.core.settings import Settings

_TOLERANCE = 1.05


class Domain(Settings):
    """Ranges over the training cases, before they were resampled; None where no case told."""

    slice_distance_mm: tuple[float, float] | None = None
    """Distance between slices."""
    pixel_mm: tuple[float, float] | None = None
    """Distance between pixels within a slice."""
    field_mm: tuple[float, float] | None = None
    """Edge length of the field of view."""
    kernels: tuple[str, ...] = ()
    """Reconstruction kernels by name."""
    contrast_agent: bool | None = None
    """Whether any was taken with a contrast agent; None where no case tells."""

    @classmethod
    def of(cls, cases: Sequence[Case]) -> Self:
        """The domain that a set of prepared cases spans.

        Reads the facts "native_spacing_mm" [z, y, x], "native_shape" [z, y, x], "kernel" and "contrast_agent".
        """
        slices, pixels, fields, kernels = [], [], [], set()
        agents = [bool(case.facts["contrast_agent"]) for case in cases if "contrast_agent" in case.facts]
        for case in cases:
            if spacing := case.facts.get("native_spacing_mm"):
                slices.append(float(spacing[0]))
                pixels.append(float(spacing[1]))
                if shape := case.facts.get("native_shape"):
                    fields.append(float(spacing[1]) * float(shape[1]))
            if kernel := case.facts.get("kernel"):
                kernels.add(str(kernel))
        return cls(
            slice_distance_mm=_range(slices),
            pixel_mm=_range(pixels),
            field_mm=_range(fields),
            kernels=tuple(sorted(kernels)),
            contrast_agent=any(agents) if agents else None,
        )

    def warnings(self, case: Case) -> list[str]:
        """One sentence for each way in which a case lies outside this domain."""
        sentences = []
        spacing, shape = case.facts.get("native_spacing_mm"), case.facts.get("native_shape")
        if spacing:
            measured = {
                "slice distance": (spacing[0], self.slice_distance_mm),
                "pixel size": (spacing[1], self.pixel_mm),
            }
            if shape:
                measured["field of view"] = (spacing[1] * shape[1], self.field_mm)
            for name, (value, known) in measured.items():
                if known and not known[0] / _TOLERANCE <= value <= known[1] * _TOLERANCE:
                    sentences.append(
                        f"{name} {value:.4g} mm lies outside the {known[0]:.3g} to {known[1]:.3g} mm "
                        "this model was trained on: expect misses and false positives"
                    )
        kernel = case.facts.get("kernel")
        if kernel and self.kernels and str(kernel) not in self.kernels:
            sentences.append(f"reconstruction kernel '{kernel}' was not among those this model was trained on")
        agent = case.facts.get("contrast_agent")
        if agent and self.contrast_agent is False:
            sentences.append(
                f"it was taken with a contrast agent ({agent}), and none that this model was trained on was"
            )
        return sentences


def _range(values: list[float]) -> tuple[float, float] | None:
    return (min(values), max(values)) if values else None
