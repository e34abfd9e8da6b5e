"""One image of one run in a small box: a picture with what was found, and the verdict in a few words."""

from dataclasses import dataclass

from markupsafe import Markup

from lesionkit.evaluate.overlap import dice
from lesionkit.evaluate.points import Decision
from lesionkit.report.case_page import n_above
from lesionkit.report.crops import crops
from lesionkit.report.found import FoundCase
from lesionkit.report.found_radiograph import FoundRadiograph
from lesionkit.report.found_slide import FoundSlide
from lesionkit.report.mip import overview
from lesionkit.report.picture import LUNG
from lesionkit.report.planes import AXIAL
from lesionkit.report.radiograph_picture import radiograph_picture
from lesionkit.report.render import format_score, render
from lesionkit.report.scene import Scene
from lesionkit.report.slide_section import slide_overview
from lesionkit.report.slide_verdict import judge_slide
from lesionkit.report.verdict import judge, rings_of

_MARKS, _CROPS = 20, 3
_SIDE = 384


@dataclass(frozen=True, eq=False)
class Look:
    """See above.

    Attributes:
        lines: what was found and what of it is true, each a few words.
        picture: None where the image cannot be read any more; then a line says why.
    """

    lines: tuple[str, ...]
    picture: Markup | None = None


def scan_look(case: FoundCase, decision: Decision) -> Look:
    """The chest from the front with what lies above the line, and axial cuts through the first three findings."""
    above, judged = n_above(case, decision), judge(case)
    scene = Scene.of(case.image, case.lung, case.lung_proper)
    first = case.candidates[: min(above, _MARKS)]
    whole = overview(scene, first, rings_of(case))[0]
    cuts = [
        (crops(scene, candidate, rings_of(case), (AXIAL,), (LUNG,))[0], _of_finding(rank, candidate.score, judged))
        for rank, candidate in enumerate(first[:_CROPS], 1)
    ]
    lines = [f"{above} finding{'' if above == 1 else 's'}"]
    if judged is not None and judged.found_by:
        lines.append(f"{judged.n_found_among(above)} of {len(judged.found_by)} known lesions")
    if judged is not None:
        wrong = judged.verdicts[:above].count("false positive")
        lines.append(f"{wrong} false positive{'' if wrong == 1 else 's'}")
    return Look(tuple(lines), render("look_scan.html", whole=whole, cuts=cuts))


def radiograph_look(case: FoundRadiograph) -> Look:
    """The film with the probability as heat and the outlines of what was found and what is known."""
    pixels = case.read()
    lines = [case.badge, f"score {format_score(case.score)}"]
    if case.truth_known and pixels.truth is not None:
        known, found = int(pixels.truth.sum()), int(pixels.mask.sum())
        lines.append("a finding is known" if known else "no finding is known")
        if known:
            lines.append(f"Dice {dice(int((pixels.truth & pixels.mask).sum()), known, found):.2f}")
    shown = render("look_radiograph.html", p=radiograph_picture(pixels, _SIDE), alt=f"Radiograph {case.case_id}")
    return Look(tuple(lines), shown)


def slide_look(slide: FoundSlide, decision: Decision) -> Look:
    """The slide with its map, its outlines and its first marks."""
    decided, judged = decision.above(slide.score), judge_slide(slide)
    lines = [] if decided is None else ["positive" if decided else "negative"]
    lines += [f"score {format_score(slide.score)}", f"{len(slide.marks)} mark{'' if len(slide.marks) == 1 else 's'}"]
    if judged is not None and judged.n_lesions:
        lines.append(f"{judged.n_found} of {judged.n_lesions} known lesions")
    return Look(tuple(lines), render("look_slide.html", picture=slide_overview(slide, _SIDE, pins=10)))


def _of_finding(rank: int, score: float, judged: object) -> str:
    verdicts = getattr(judged, "verdicts", None)
    return f"{rank}: {format_score(score)}" + (f", {verdicts[rank - 1]}" if verdicts else "")
