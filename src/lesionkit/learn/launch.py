"""Whether this process is one of several that torchrun began, on one machine or many."""

import os
from dataclasses import dataclass

from lesionkit.core.errors import LesionkitError


@dataclass(frozen=True)
class Launch:
    """The place of this process among all.

    Attributes:
        rank: from 0; the first leads.
        world: how many there are.
        here: how many of them are on this machine; every machine has as many.
    """

    rank: int
    world: int
    here: int

    @property
    def machines(self) -> int:
        return self.world // self.here


def launched() -> Launch | None:
    """The place of this process, None where torchrun did not begin it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    return Launch(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")))


def devices_in_all(devices: int | None, machines: int | None) -> int | None:
    """How many processes train together; None where nobody said.

    Args:
        devices: of each machine.
        machines: how many.

    Raises:
        LesionkitError: torchrun began another number, or several machines are asked for without it.
    """
    launch = launched()
    if launch is None:
        if machines not in (None, 1):
            raise LesionkitError(
                f"--num-nodes {machines} needs a process on every machine, but torchrun did not begin this one; run "
                f"'torchrun --nnodes {machines} --nproc-per-node {devices or 1} … -m lesionkit train …' on each"
            )
        return devices
    given = (launch.here if devices is None else devices, launch.machines if machines is None else machines)
    if given != (launch.here, launch.machines):
        raise LesionkitError(
            f"--devices {given[0]} --num-nodes {given[1]} must fit what torchrun began: {launch.here} process(es) on "
            f"{launch.machines} machine(s); leave the options out, or change --nproc-per-node or --nnodes"
        )
    return launch.world
