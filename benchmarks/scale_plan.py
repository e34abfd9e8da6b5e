"""How long an archive takes, what it needs and what it costs: cases dealt to workers, machines that are lost meanwhile.

    python benchmarks/scale_plan.py --cases 100000 --seconds 3.62 --in-mb 70 --out-mb 1 --machines 8 --cores 16

A simulation: the seconds of a case are drawn from a lognormal distribution of the mean that was measured (one thread)
and of the spread given; each worker takes the next case when it is free; machines are lost at random, come back after
ten minutes and begin their cases anew, as `--engine ray` does. No case can be read faster than the storage gives it to
all workers at once (--read-mb-s). Begin with seconds that you measured on a few of your own cases. Cost is core hours
and stored gigabytes times the prices that you give.
"""

import argparse
import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

BACK_S = 600.0


@dataclass(frozen=True)
class Plan:
    """What is to be done, by what.

    Attributes:
        seconds, spread: of a case on one thread; spread is the standard deviation as a share of the mean.
        overhead_s: of the engine, a case.
        lost_per_day: how often one machine is lost.
    """

    cases: int
    seconds: float
    spread: float
    overhead_s: float
    machines: int
    cores: int
    lost_per_day: float


@dataclass(frozen=True)
class Outcome:
    """What became of it: hours by the clock, core hours that were used, cases that were begun again."""

    hours: float
    core_hours: float
    again: int


def simulate(plan: Plan, seed: int = 0) -> Outcome:
    """Deal the cases out.

    >>> simulate(Plan(8, 3600.0, 0.0, 0.0, machines=2, cores=2, lost_per_day=0.0))
    Outcome(hours=2.0, core_hours=8.0, again=0)
    """
    chance = random.Random(seed)
    draw = _seconds(plan, chance)
    # Of each machine when it is lost next; of each worker when it is free.
    lost = [_next_loss(plan, chance, 0.0) for _ in range(plan.machines)]
    free = [(0.0, machine, core) for machine in range(plan.machines) for core in range(plan.cores)]
    heapq.heapify(free)
    left, again, used, end = plan.cases, 0, 0.0, 0.0
    while left:
        now, machine, core = heapq.heappop(free)
        if now >= lost[machine] + BACK_S:
            lost[machine] = _next_loss(plan, chance, now)
        took = draw()
        if now < lost[machine] + BACK_S and now + took > lost[machine]:
            again += now < lost[machine]
            used += max(0.0, lost[machine] - now)
            heapq.heappush(free, (lost[machine] + BACK_S, machine, core))
            continue
        left, used, end = left - 1, used + took, max(end, now + took)
        heapq.heappush(free, (now + took, machine, core))
    return Outcome(round(end / 3600, 2), round(used / 3600, 2), again)


def _seconds(plan: Plan, chance: random.Random) -> Callable[[], float]:
    if not plan.spread:
        return lambda: plan.seconds + plan.overhead_s
    variance = math.log(1 + plan.spread**2)
    middle = math.log(plan.seconds) - variance / 2
    return lambda: chance.lognormvariate(middle, math.sqrt(variance)) + plan.overhead_s


def _next_loss(plan: Plan, chance: random.Random, now: float) -> float:
    return now + chance.expovariate(plan.lost_per_day / 86400) if plan.lost_per_day else float("inf")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--cases", type=int, required=True)
    words.add_argument("--seconds", type=float, required=True, help="of a case on one thread, measured")
    words.add_argument("--spread", type=float, default=0.5)
    words.add_argument(
        "--overhead", type=float, default=0.1, help="seconds of the engine a case; the bound it is held to"
    )
    words.add_argument("--machines", type=int, default=8)
    words.add_argument("--cores", type=int, default=16)
    words.add_argument("--lost-per-day", type=float, default=1.0, help="losses of each machine")
    words.add_argument("--in-mb", type=float, required=True, help="of a case on disk")
    words.add_argument("--out-mb", type=float, required=True, help="of a case in the run folder")
    words.add_argument("--read-mb-s", type=float, default=0.0, help="that the storage gives all machines together")
    words.add_argument("--core-hour", type=float, default=0.0, help="price of a core hour")
    words.add_argument("--gb-month", type=float, default=0.0, help="price of a gigabyte for a month")
    given = words.parse_args()
    # Where all workers read at once, each has its share of what the storage gives.
    share_s = given.in_mb * given.machines * given.cores / given.read_mb_s if given.read_mb_s else 0.0
    plan = Plan(
        given.cases,
        max(given.seconds, share_s),
        given.spread,
        given.overhead,
        given.machines,
        given.cores,
        given.lost_per_day,
    )
    outcome = simulate(plan)
    held = given.machines * given.cores * outcome.hours
    stored = given.cases * (given.in_mb + given.out_mb) / 1000
    reading = given.cases * given.in_mb / (outcome.hours * 3600)
    print(f"{given.cases} cases on {given.machines} machines of {given.cores} cores")
    print(f"time: {outcome.hours:.1f} h, {given.cases / outcome.hours:.0f} cases an hour, {outcome.again} begun again")
    if share_s > given.seconds:
        print(f"the storage is the limit: {share_s:.1f} s to read a case, {given.seconds:.1f} s to search it")
    print(f"cores: {outcome.core_hours:.0f} h at work of {held:.0f} h held ({outcome.core_hours / held:.0%})")
    print(
        f"storage: {stored:.0f} GB, read at {reading:.0f} MB/s by all machines together; {2 * given.cases} state files"
    )
    if given.core_hour or given.gb_month:
        print(f"cost: {held * given.core_hour:.0f} for cores, {stored * given.gb_month:.0f} a month for storage")


if __name__ == "__main__":
    main()
