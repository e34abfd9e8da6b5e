"""Train on several devices: the process that was started leads, and one more per device follows its training alone.

Lightning would start the whole command again on each device. Ours holds a lock on its run folder, indexes, prepares and
searches rules; so followers are handed nothing but the training, as a file, and end with it.

Where torchrun began all processes, on one machine or many, the first leads in the same way, and the others `serve`:
they are handed one training after the other until the first is done.
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
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.launch import launched
from lesionkit.learn.loop import quiet, seed_everything

MakeTrainer = Callable[[], lightning.Trainer]
"""Makes a trainer whose `plugins` are `one_machine` of its devices."""
_HOST = "127.0.0.1"
_SHOWN = 300
_PATIENCE_S = 5
_WAIT = timedelta(days=2)
"""For those that wait while the first prepares or validates."""


def fit_on_devices(
    make_trainer: MakeTrainer,
    learner: lightning.LightningModule,
    deck: lightning.LightningDataModule,
    checkpoint: Path | None,
    devices: int,
    follower: MakeTrainer | None = None,
    seed: int = 0,
    finish: Callable[[lightning.Trainer], None] | None = None,
) -> lightning.Trainer:
    """Fit in this process and, with more than one device, in others beside it; gives the trainer of this process.

    Args:
        make_trainer: called in this process, so that callbacks may hold anything.
        learner, deck: go to the followers by pickle.
        checkpoint: goes on from there; None begins.
        follower: makes the trainer of the others, and goes there by pickle; None: `make_trainer` does.
        seed: a follower's random numbers come from it and its rank.
        finish: called with the trainer at the end, on every device, for what Lightning does on all at once.

    Raises:
        LesionkitError: a follower ended before the training did, with its last words; torchrun began another number
            of processes.
    """
    launch = launched()
    if launch is not None and launch.world != devices:
        raise LesionkitError(
            f"a training on {devices} device(s) must have as many processes, but torchrun began {launch.world}; give "
            "lesionkit train no learn.devices, or as many"
        )
    if devices == 1:
        return _fit(make_trainer, learner, deck, checkpoint, finish)
    job = pickle.dumps(partial(_fit, follower or make_trainer, learner, deck, checkpoint, finish))
    if launch is not None:
        _handed((job, seed))
        return _fit(make_trainer, learner, deck, checkpoint, finish)
    with _followers(job, devices, seed) as others:
        try:
            return _fit(make_trainer, learner, deck, checkpoint, finish)
        except RuntimeError as lost:
            if told := _told(others):
                raise told from lost
            raise
        finally:
            # The next training has followers of its own.
            _leave()


def placed(devices: int, idle: bool = False) -> dict[str, Any]:
    """What a trainer is told of its devices: how many, where, and that their gradients are averaged (DDP).

    Args:
        devices: on all machines.
        idle: some weights get no gradient at times.
    """
    if devices == 1:
        return {"devices": 1, "strategy": "auto"}
    launch = launched()
    machines = launch.machines if launch is not None else 1
    strategy = DDPStrategy(find_unused_parameters=idle, timeout=_WAIT)
    return {
        "devices": devices // machines,
        "num_nodes": machines,
        "strategy": strategy,
        "plugins": one_machine(devices),
    }


def one_machine(devices: int) -> ClusterEnvironment | None:
    """The `plugins` of a trainer: all processes are on this machine, unless torchrun began them."""
    if devices == 1:
        return None
    return LightningEnvironment() if launched() is None else TorchElasticEnvironment()


def serve() -> None:
    """What a process does that torchrun began and that does not lead: train along, until the first is done."""
    launch = launched()
    if launch is None:
        raise LesionkitError("only processes that torchrun began can train along; run 'lesionkit train' without it")
    while (job := _handed(None)) is not None:
        training, seed = job
        seed_everything(seed + launch.rank)
        pickle.loads(training)()
    _leave()


def release() -> None:
    """Let those go that train along with this process; without torchrun there are none."""
    launch = launched()
    if launch is not None and launch.world > 1:
        _handed(None)
        _leave()


def _leave() -> None:
    """Take apart what joins the processes: its threads, still there at the exit, end a process with an abort."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _handed(job: tuple[bytes, int] | None) -> tuple[bytes, int] | None:
    """What the first process hands to all, a training and its seed, or None for the end."""
    if not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_WAIT)
    handed = [job]
    distributed.broadcast_object_list(handed, device=torch.device("cpu"))
    return handed[0]


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
    finish: Callable[[lightning.Trainer], None] | None,
) -> lightning.Trainer:
    with quiet():
        trainer = make_trainer()
        trainer.fit(learner, datamodule=deck, ckpt_path=checkpoint, weights_only=True)
        if finish is not None:
            finish(trainer)
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
