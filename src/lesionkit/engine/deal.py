"""Cases dealt to workers that may die: each is done once, in order to the caller, none is lost."""

from collections import Counter, deque
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lesionkit.engine.lost import Death, died_sentence, lost_sentence, no_worker

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result = TypeVar("Result")
Worker = Hashable

_AHEAD = 32
_FALSE_STARTS = 3


@dataclass(frozen=True)
class Event(Generic[Result]):
    """A worker is ready (neither of both), gives a result, or died."""

    worker: Worker
    result: tuple[Result] | None = None
    died: Death | None = None


class Crew(Protocol[Item_contra, Result]):
    """Workers of one engine, each at one case at a time."""

    @property
    def backend(self) -> str: ...
    def hire(self) -> Worker:
        """Begin one more; an event tells when it is ready."""
        ...

    def give(self, worker: Worker, item: Item_contra) -> None: ...
    def dismiss(self, worker: Worker) -> None: ...
    def wait(self) -> Sequence[Event[Result]]:
        """What happened; returns after about a second if nothing did."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Rules(Generic[Item, Result]):
    """How cases are dealt.

    Attributes:
        count: workers at the same time.
        retries: how often a case is tried again whose worker died.
        name_of: what a case is called in sentences.
        tell: is told a sentence where a worker died.
        lost: a sentence -> the result of a case that is given up.
    """

    count: int
    retries: int
    name_of: Callable[[Item], str]
    tell: Callable[[str], None]
    lost: Callable[[str], Result]


class _Table(Generic[Item, Result]):
    """What is to be done, by number, and what came of it."""

    def __init__(self, items: Sequence[Item], rules: Rules[Item, Result]) -> None:
        self.items, self.rules = items, rules
        self.wanted = min(rules.count, len(items))
        self.fresh = self.yielded = 0
        self.again: deque[int] = deque()
        self.starved: deque[int] = deque()
        self.alone: int | None = None
        self.tries: Counter[int] = Counter()
        self.results: dict[int, Result] = {}
        self.busy: dict[Worker, int] = {}

    @property
    def left(self) -> int:
        """Cases without a result."""
        return len(self.items) - self.yielded - len(self.results)

    def next_number(self) -> int | None:
        """The next case for an idle worker; what died for want of memory is tried again while all others rest."""
        if self.alone is not None or (self.starved and self.busy):
            return None
        if self.starved:
            self.alone = self.starved.popleft()
            return self.alone
        if self.again:
            return self.again.popleft()
        # Results wait for those before them, but not without bound.
        if self.fresh == len(self.items) or self.fresh >= self.yielded + _AHEAD * self.rules.count:
            return None
        self.fresh += 1
        return self.fresh - 1

    def take(self, event: Event[Result]) -> None:
        """What a worker gave, or left behind."""
        number = self.busy.pop(event.worker, None)
        if number is None:
            return
        if self.alone == number:
            self.alone = None
        if event.result is not None:
            self.results[number] = event.result[0]
        elif event.died is not None:
            self._died(number, event.died)

    def _died(self, number: int, death: Death) -> None:
        item, rules = self.items[number], self.rules
        self.tries[number] += not death.blameless
        if death.starved:
            self.wanted = max(1, self.wanted - 1)
        given_up = self.tries[number] > rules.retries
        rules.tell(died_sentence(rules.name_of(item), item, death, self.wanted, given_up))
        if given_up:
            self.results[number] = rules.lost(lost_sentence(item, death, self.tries[number]))
        else:
            (self.starved if death.starved else self.again).append(number)


def deal_out(crew: Crew[Item, Result], items: Sequence[Item], rules: Rules[Item, Result]) -> Generator[Result]:
    """Results in the order of the items.

    A case whose worker died is tried again: by any worker, or, where memory was wanting, while all others rest, and
    from then on there is one worker fewer. Leaving early ends the workers.

    Raises:
        LesionkitError: workers die before they have done anything.
    """
    table = _Table(items, rules)
    staff: set[Worker] = set()
    idle: list[Worker] = []
    false_starts = 0
    try:
        while True:
            while table.yielded in table.results:
                table.yielded += 1
                yield table.results.pop(table.yielded - 1)
            if table.yielded == len(items):
                return
            while len(staff) < min(table.wanted, table.left):
                staff.add(crew.hire())
            while idle and len(staff) > table.wanted:
                staff.discard(idle[-1])
                crew.dismiss(idle.pop())
            while idle and (number := table.next_number()) is not None:
                table.busy[idle[-1]] = number
                crew.give(idle.pop(), items[number])
            for event in crew.wait():
                if event.died is None:
                    false_starts = 0
                    idle.append(event.worker)
                else:
                    staff.discard(event.worker)
                    false_starts += event.worker not in table.busy and not event.died.blameless
                    if false_starts >= _FALSE_STARTS:
                        raise no_worker(crew.backend, event.died)
                table.take(event)
    finally:
        crew.close()
