"""Train on several devices: the process that was started leads, and one more per device follows its training alone.

Lightning would start the whole command again on each device. Ours holds a lock on its run folder, indexes, prepares and
searches rules; so followers are handed nothing but the training, as a file, and end with it.
"""

import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.loop import quiet, seed_everything

MakeTrainer = Callable[[], lightning.Trainer]
"""Makes a trainer whose `plugins` are `one_machine` of its devices."""
_HOST = "127.0.0.1"
_SHOWN = 300
_PATIENCE_S = 5


def fit_on_devices(
    make_trainer: MakeTrainer,
    learner: lightning.LightningModule,
    deck: lightning.LightningDataModule,
    checkpoint: Path | None,
    devices: int,
    follower: MakeTrainer | None = None,
    seed: int = 0,
) -> lightning.Trainer:
    """Fit in this process and, with more than one device, in others beside it; gives the trainer of this process.

    Args:
        make_trainer: called in this process, so that callbacks may hold anything.
        learner, deck: go to the followers by pickle.
        checkpoint: goes on from there; None begins.
        follower: makes the trainer of the others, and goes there by pickle; None: `make_trainer` does.
        seed: a follower's random numbers come from it and its rank.

    Raises:
        LesionkitError: a follower ended before the training did, with its last words.
    """
    if devices == 1:
        return _fit(make_trainer, learner, deck, checkpoint)
    job = pickle.dumps(partial(_fit, follower or make_trainer, learner, deck, checkpoint))
    with _followers(job, devices, seed) as others:
        try:
            return _fit(make_trainer, learner, deck, checkpoint)
        except RuntimeError as lost:
            if told := _told(others):
                raise told from lost
            raise
        finally:
            if torch.distributed.is_initialized():
                # The next training has followers of its own.
                torch.distributed.destroy_process_group()


def one_machine(devices: int) -> LightningEnvironment | None:
    """The `plugins` of a trainer: all processes are on this machine, whoever started the first."""
    return LightningEnvironment() if devices > 1 else None


def follow(job: Path, rank: int, seed: int) -> None:
    """What a follower does; the environment says which device it has."""
    seed_everything(seed + rank)
    training = pickle.loads(job.read_bytes())
    _ready(job.parent, rank).touch()
    training()


def _ready(folder: Path, rank: int) -> Path:
    return folder / f"{rank}.ready"


def _fit(
    make_trainer: MakeTrainer,
    learner: lightning.LightningModule,
    deck: lightning.LightningDataModule,
    checkpoint: Path | None,
) -> lightning.Trainer:
    with quiet():
        trainer = make_trainer()
        trainer.fit(learner, datamodule=deck, ckpt_path=checkpoint, weights_only=True)
    return trainer


class _Follower:
    def __init__(self, folder: Path, job: Path, rank: int, world: dict[str, str], seed: int) -> None:
        self.rank, self.words = rank, folder / f"{rank}.txt"
        command = [sys.executable, "-m", "lesionkit.learn.devices", str(job), str(rank), str(seed)]
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **world, "LOCAL_RANK": str(rank)},
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    def end(self) -> None:
        """It has nothing to write, so that it may be ended at any moment."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def _followers(job: bytes, devices: int, seed: int) -> Iterator[list[_Follower]]:
    world = {"MASTER_ADDR": _HOST, "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(devices), "NODE_RANK": "0"}
    before = dict(os.environ)
    others: list[_Follower] = []
    with tempfile.TemporaryDirectory(prefix="lesionkit-devices-") as name:
        file = Path(name) / "job"
        file.write_bytes(job)
        try:
            others += [_Follower(Path(name), file, rank, world, seed) for rank in range(1, devices)]
            # Who waits for a process that never comes waits half an hour.
            while not all(_ready(Path(name), other.rank).exists() for other in others):
                if any(other.process.poll() is not None for other in others) and (told := _told(others)):
                    raise told
                time.sleep(0.05)
            os.environ.update(world, LOCAL_RANK="0")
            yield others
        finally:
            for other in others:
                other.end()
            os.environ.clear()
            os.environ.update(before)


def _told(others: list[_Follower]) -> LesionkitError | None:
    for other in others:
        try:
            code = other.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            continue
        if code:
            lines = other.words.read_text(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
            words = last.removeprefix(f"[rank{other.rank}]: ")[:_SHOWN]
            return LesionkitError(
                f"training on several devices needs all of them, but the process of device {other.rank} ended "
                f"({words}); run the same command again to go on, or take fewer devices"
            )
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    follow(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
