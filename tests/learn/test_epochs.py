import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.course import Course
from lesionkit.learn.epochs import Deck, deal
from lesionkit.learn.schedule_settings import TrainingPart


class Numbers(Dataset):
    """Item i is first + i."""

    def __init__(self, first, count):
        self.first, self.count = first, count

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return self.first + number


@given(count=st.integers(1, 60), size=st.integers(1, 9), world=st.integers(1, 4))
def test_no_picture_is_dealt_twice_and_every_process_has_as_many_batches(count, size, world):
    if count < world:
        return
    shares = [deal(count, size, rank=rank, world=world) for rank in range(world)]
    dealt = [number for share in shares for batch in share for number in batch]
    assert len(set(dealt)) == len(dealt)
    assert set(dealt) <= set(range(count))
    assert len({len(share) for share in shares}) == 1
    assert len(dealt) > count - size * world


def test_fewer_pictures_than_devices_are_refused():
    with pytest.raises(LesionkitError, match=r"at least 2 picture.*got 1"):
        deal(1, 4, world=2)


def test_every_epoch_is_drawn_anew_by_its_numbers_and_its_part():
    course = Course([TrainingPart(epochs=1, rate=1e-3, side=32), TrainingPart(epochs=2, rate=1e-3, side=64)])
    asked = []

    def draw(epoch, epoch_of_part, part):
        asked.append((epoch, epoch_of_part, part.side))
        return Numbers(100 * epoch, 5)

    deck = Deck(course, draw, batch=2)
    first = [batch.tolist() for batch in deck.train_dataloader()["labelled"]]
    course.end_epoch(None)
    course.enter_next_part()
    second = [batch.tolist() for batch in deck.train_dataloader()["labelled"]]
    assert asked == [(0, 0, 32), (1, 0, 64)]
    assert (first, second) == ([[0, 1], [2, 3]], [[100, 101], [102, 103]])


def test_an_epoch_shows_no_more_batches_than_asked_for():
    deck = Deck(Course([TrainingPart(epochs=1, rate=1e-3)]), lambda *_: Numbers(0, 50), batch=2, most_batches=3)
    assert len(deck.labelled()) == 3


def test_pictures_without_truth_go_along_in_their_own_batches_and_never_outnumber():
    deck = Deck(
        Course([TrainingPart(epochs=1, rate=1e-3)]),
        lambda *_: Numbers(0, 6),
        batch=2,
        unlabelled=(lambda _epoch, _part: Numbers(500, 100), 4),
    )
    loaders = deck.train_dataloader()
    assert len(loaders["unlabelled"]) == len(loaders["labelled"]) == 3
    assert next(iter(loaders["unlabelled"])).tolist() == [500, 501, 502, 503]
