"""Draw a picture with everything over it as pixels."""

from pathlib import Path
from typing import TypeAlias

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from lesionkit.core.files import replacing
from lesionkit.report.crops import crops
from lesionkit.report.found import FoundCase
from lesionkit.report.mip import overview
from lesionkit.report.picture import Mark, Picture
from lesionkit.report.planes import AXIAL
from lesionkit.report.scene import Scene
from lesionkit.report.verdict import rings_of

_COLOURS = {"candidate": "#ffcf33", "lesion": "#4fd8b4", "excluded": "#b9a7ff"}
_PAPER, _LETTER = "#0d1117", "#d5dce3"
_GAP = 20
_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


def paint(picture: Picture, height: int) -> Pillow.Image:
    """The picture at a height in pixels, aspect kept, with marks, labels, letters and scale bar burned in."""
    scale = height / picture.height
    size = (round(picture.width * scale), height)
    canvas = Pillow.fromarray(picture.layers[0].grey).resize(size, Pillow.Resampling.BICUBIC).convert("RGB")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(max(11, round(height / 24)))
    for mark in picture.marks:
        _paint_mark(draw, mark, scale, font)
    letters = picture.letters
    edge = height / 40
    for text, place, anchor in (
        (letters.left, (edge, size[1] / 2), "lm"),
        (letters.right, (size[0] - edge, size[1] / 2), "rm"),
        (letters.top, (size[0] / 2, edge), "mt"),
    ):
        _write(draw, place, text, font, anchor, _LETTER)
    bar, right, low = picture.bar * scale, size[0] - 1.5 * edge, size[1] - 1.5 * edge
    draw.line([(right - bar, low), (right, low)], fill=_LETTER, width=max(2, height // 200))
    _write(draw, (right - bar / 2, low - edge / 2), f"{picture.bar_mm:g} mm", font, "mb", _LETTER)
    return canvas


def overview_picture(case: FoundCase, path: Path, height: int = 640) -> Path:
    """Write one banner as PNG: the coronal overview with every mark, and axial crops of the first three candidates."""
    scene, rings = Scene.of(case.image, case.lung), rings_of(case)
    whole = paint(overview(scene, case.candidates, rings)[0], height)
    small = (height - 2 * _GAP) // 3 if case.candidates else 0
    tiles = [paint(crops(scene, c, rings, planes=(AXIAL,))[0], small) for c in case.candidates[:3]]
    banner = Pillow.new("RGB", (whole.width + (small + _GAP if tiles else 0), height), _PAPER)
    banner.paste(whole, (0, 0))
    font = ImageFont.load_default(max(11, round(small / 12)))
    for number, (tile, candidate) in enumerate(zip(tiles, case.candidates, strict=False)):
        text = f"{number + 1}   score {candidate.score:.2f}"
        _write(ImageDraw.Draw(tile), (small / 40, small - small / 40), text, font, "lb", _COLOURS["candidate"])
        banner.paste(tile, (whole.width + _GAP, number * (small + _GAP)))
    with replacing(Path(path)) as temporary:
        banner.save(temporary, "PNG", optimize=True)
    return Path(path)


def _paint_mark(draw: ImageDraw.ImageDraw, mark: Mark, scale: float, font: _Font) -> None:
    colour, width = _COLOURS[mark.kind], max(2, round(1.6 * scale))
    if mark.kind == "candidate":
        for corner in mark.corners:
            draw.line([(x * scale, y * scale) for x, y in corner], fill=colour, width=width, joint="curve")
    else:
        x, y, reach = mark.x * scale, mark.y * scale, mark.reach * scale
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=colour, width=width)
    if mark.label:
        _write(draw, (mark.label_x * scale, mark.label_y * scale), mark.label, font, "mm", colour)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    font: _Font,
    anchor: str,
    colour: str,
) -> None:
    draw.text(place, text, font=font, anchor=anchor, fill=colour, stroke_width=2, stroke_fill="black")
