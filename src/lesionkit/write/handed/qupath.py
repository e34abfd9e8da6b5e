"""Outlined slides -> a project of QuPath.

QuPath keeps the objects of an image in a binary form of Java, which nobody else writes. So each slide has its regions
beside the project as GeoJSON, and a script of the project, run once for all images, takes them in.
"""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.handed import Outlines
from lesionkit.write.geojson import TUMOUR, write_geojson
from lesionkit.write.handed.names import name_of
from lesionkit.write.handed.outlines import features_of_outlines

SCRIPT = "add_regions.groovy"
_VERSION = "0.5.1"
_PROVIDER = "qupath.lib.images.servers.openslide.OpenslideServerBuilder"
_GROOVY = """\
// Adds the regions that lesionkit found to the open image; "Run > Run for project" does so for all.
import static qupath.lib.scripting.QP.*

def name = getProjectEntry().getMetadataValue('regions')
def file = new File(buildFilePath(PROJECT_BASE_DIR, 'regions', name))
removeObjects(getAnnotationObjects().findAll { it.getName()?.startsWith('region ') }, true)
importObjectsFromFile(file.getAbsolutePath())
fireHierarchyUpdate()
"""


def write_qupath_project(handed: Sequence[Outlines], out: Path) -> list[Path]:
    """Write `project.qpproj`, `regions/CASE.geojson` of each slide, and the script that adds them.

    Raises:
        LesionkitError: a slide is gone.
    """
    gone = next((one for one in handed if not one.path.exists()), None)
    if gone is not None:
        raise LesionkitError(f"{gone.path}: a project refers to its slides, but this one is gone; put it back")
    entries, files = [], []
    for number, one in enumerate(handed, start=1):
        name = f"{number}-{name_of(one)}.geojson"
        files.append(write_geojson(out / "regions" / name, features_of_outlines(one)))
        entries.append(_entry(one, number, name))
    milliseconds = round(handed[0].maker.made_at.timestamp() * 1000)
    project = {
        "version": _VERSION,
        "createTimestamp": milliseconds,
        "modifyTimestamp": milliseconds,
        "uri": (out.absolute() / "project.qpproj").as_uri(),
        "lastID": len(entries),
        "images": entries,
    }
    red, green, blue = TUMOUR[1]
    colour = (255 << 24 | red << 16 | green << 8 | blue) - (1 << 32)
    classes = {"pathClasses": [{"name": TUMOUR[0], "color": colour}]}
    return [
        write_text(out / "project.qpproj", json.dumps(project, indent=1) + "\n"),
        write_text(out / "classifiers" / "classes.json", json.dumps(classes, indent=1) + "\n"),
        write_text(out / "scripts" / SCRIPT, _GROOVY),
        *files,
    ]


def _entry(one: Outlines, number: int, regions: str) -> dict[str, Any]:
    uri = one.path.absolute().as_uri()
    return {
        "serverBuilder": {"builderType": "uri", "providerClassName": _PROVIDER, "uri": uri, "args": []},
        "entryID": number,
        "randomizedName": str(uuid.uuid5(uuid.NAMESPACE_URL, uri)),
        "imageName": one.path.name,
        "description": f"searched by lesionkit {one.maker.version}, {one.maker.recipe}; research use only",
        "metadata": {"regions": regions, "case": one.case_id},
    }
