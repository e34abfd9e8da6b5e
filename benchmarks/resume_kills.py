"""Small trainings of every kind that are killed at random moments and gone on with: are the weights those of an
undisturbed one, to the last bit?

    python benchmarks/resume_kills.py --kills 20 --seed 1

CT: dropout, moving average. Radiographs: two parts, a teacher, a rate that swings. Slides: dropout, mixup, a plateau,
and a second round on what the first gets wrong. Pictures are synthetic; the kill is SIGKILL.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lesionkit.core.files import write_text
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.detection import NoduleLearner, fit
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.patches import fit_patches
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation import fit_segmenter
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings

CPU = {"workers": 0, "device": "cpu", "precision": "32-true"}


class Made(Dataset[dict[str, Tensor]]):
    """Items that come from their number alone."""

    def __init__(self, make: Callable[[torch.Generator], dict[str, Tensor]], length: int, seed: int = 0) -> None:
        self.make, self.length, self.seed = make, length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return self.make(torch.Generator().manual_seed(self.seed + number))


def ball(random: torch.Generator) -> dict[str, Tensor]:
    heat = torch.zeros(4, 4, 4)
    heat[2, 2, 2] = 1.0
    hu = torch.randn(1, 16, 16, 16, generator=random) * 300 - 500
    nowhere = torch.zeros(4, 4, 4, dtype=torch.bool)
    return {"hu": hu, "heat": heat, "regression": torch.zeros(4, 4, 4, 4), "inside": heat > 0, "ignored": nowhere}


def square(random: torch.Generator) -> dict[str, Tensor]:
    mask = torch.zeros(1, 32, 32)
    y, x = torch.randint(0, 16, (2,), generator=random).tolist()
    mask[:, y : y + 16, x : x + 16] = float(torch.rand((), generator=random) > 0.5)
    image = 0.2 * torch.rand(mask.shape, generator=random) + 0.6 * mask
    return {"image": image, "mask": mask, "nonempty": mask.amax(), "easy": image, "hard": 1.1 * image}


def spots(random: torch.Generator) -> dict[str, Tensor]:
    image = torch.rand(4, 3, 32, 32, generator=random)
    mask = (image.mean(dim=1, keepdim=True) > 0.5).float()
    return {"image": image, "mask": mask, "label": mask[:, 0, 16, 16]}


def train_ct(folder: Path) -> Mapping[str, Tensor]:
    net = NoduleNet(NoduleNetSettings(channels=(4, 4, 4, 4), blocks=(1, 1, 1, 1), dropout=0.3))
    learner = NoduleLearner(net, LearnSettings(steps=12, batch=2, validate_every=3, **CPU))
    fit(learner, Made(ball, 1000), folder)
    return {**learner.net.state_dict(), **{f"kept.{name}": value for name, value in learner.kept.state_dict().items()}}


def train_xray(folder: Path) -> Mapping[str, Tensor]:
    settings = SegmentationLearnSettings(
        parts=(
            TrainingPart(epochs=2, rate=2e-3, side=32),
            TrainingPart(epochs=2, rate=1e-3, side=32, shape="cosine", period=2),
        ),
        teacher=TeacherSettings(average=AverageSettings(decays=((0, 0.9),), buffers="own"), batch=2),
        batch=4,
        **CPU,
    )
    net = Segmenter(SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear"))
    fitted = fit_segmenter(net, folder, settings, _labelled, lambda _: {"dice": 0.5}, _unlabelled)
    return fitted.net.state_dict()


def _labelled(epoch: int, _of_part: int, _part: TrainingPart) -> Made:
    return Made(square, 16, 1000 * epoch)


def _unlabelled(epoch: int, _part: TrainingPart) -> Made:
    return Made(square, 6, 500_000 + 1000 * epoch)


def train_slide(folder: Path) -> Mapping[str, Tensor]:
    settings = PatchLearnSettings(
        steps=12, batch=4, validate_every=3, rate=1e-2, mixup=0.2, shape="plateau", epoch_steps=3, patience=0, **CPU
    )
    net = PatchNet(PatchNetSettings(channels=(4, 4), blocks=(1, 1), pretrained=False, dropout=0.2))
    first = fit_patches(net, folder / "round-1", settings, Made(spots, 100)).net
    hard = folder / "hard.json"
    if not hard.is_file():
        with torch.inference_mode():
            wrong = [float(first(Made(spots, 100, 9000)[n]["image"]).mean()) for n in range(8)]
        write_text(hard, json.dumps(sorted(range(8), key=lambda n: wrong[n])[:4]))
    chosen = sum(json.loads(hard.read_text()))
    return fit_patches(
        first.train().requires_grad_(True), folder / "round-2", settings, Made(spots, 100, chosen)
    ).net.state_dict()


KINDS = {"ct": train_ct, "xray": train_xray, "slide": train_slide}


def run(kind: str, folder: Path) -> None:
    """One training to its end, and the sum of its weights in a file."""
    torch.set_num_threads(1)
    seed_everything(0)
    folder.mkdir(exist_ok=True)
    state = KINDS[kind](folder)
    digest = hashlib.sha256(b"".join(state[name].cpu().numpy().tobytes() for name in sorted(state)))
    write_text(folder / "sum.txt", digest.hexdigest())


def fork(kind: str, folder: Path) -> int:
    """The same in a child, which finds all imported."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            errors = (folder.parent / f"{folder.name}.txt").open("w")
            os.dup2(errors.fileno(), 2)
            run(kind, folder)
            code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    os._exit(code)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(child: int, after_s: float) -> bool:
    """Kill a child unless it is faster."""
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    return ended(child) == -signal.SIGKILL


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kills", type=int, default=20, help="of each kind")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--kinds", default=",".join(KINDS))
    words = words.parse_args()
    chance, unlike = random.Random(words.seed), 0
    with tempfile.TemporaryDirectory(prefix="lesionkit-resume-") as place:
        for kind in words.kinds.split(","):
            start, whole = time.monotonic(), Path(place) / kind
            if ended(fork(kind, whole)):
                sys.exit(f"{kind}: {(whole.parent / f'{kind}.txt').read_text()}")
            took, kills, same = time.monotonic() - start, 0, 0
            for number in range(words.kills):
                folder = Path(place) / f"{kind}-{number}"
                kills += killed(fork(kind, folder), chance.uniform(0, took))
                code = ended(fork(kind, folder))
                alike = not code and (folder / "sum.txt").read_text() == (whole / "sum.txt").read_text()
                if not alike:
                    print(f"{kind}: {number} differs; {(folder.parent / f'{folder.name}.txt').read_text()[-500:]}")
                same += alike
            print(f"{kind}: {took:.1f} s undisturbed; {kills} killed of {words.kills}, {same} with the same weights")
            unlike += words.kills - same
    sys.exit(1 if unlike else 0)


if __name__ == "__main__":
    main()
