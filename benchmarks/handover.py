"""What handing findings over costs: a DICOM segmentation of the strongest 20 findings of a run on a CT.

python benchmarks/handover.py RUN
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lesionkit.recipes.ct.hand import hand
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.recipes.ct.search import CT_SEARCH
from lesionkit.recipes.handing import maker_of
from lesionkit.runs.models import chosen_model
from lesionkit.runs.records import record_files
from lesionkit.runs.run_folder import read_run
from lesionkit.write.handed.seg import write_labelmap_of_balls, write_seg_of_balls
from lesionkit.write.handed.sr import write_sr_of_balls


def main(folder: Path) -> None:
    run = read_run(folder)
    found = CT_SEARCH.read(next(record_files(folder)))
    handed = hand(found, folder, RECIPE.settings(), maker_of(run, chosen_model(None, RECIPE.name)))
    handed = replace(handed, balls=handed.balls[:20])
    for write in (write_seg_of_balls, write_labelmap_of_balls, write_sr_of_balls):
        with tempfile.TemporaryDirectory() as out:
            start, used = time.perf_counter(), time.process_time()
            files = write(handed, Path(out))
            seconds, used = time.perf_counter() - start, time.process_time() - used
            size = sum(file.stat().st_size for file in files) / 1e6
            print(f"{write.__name__}: {seconds:.2f} s, {used:.2f} s of processor, {size:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
