from lesionkit.learn.course import Course
from lesionkit.learn.schedule_settings import TrainingPart


def part(epochs, **more):
    return TrainingPart(epochs=epochs, rate=1e-3, **more)


def test_epochs_are_counted_in_the_training_and_in_the_part():
    course = Course([part(2), part(1)])
    assert [course.end_epoch(0.5), course.end_epoch(0.5)] == [False, True]
    course.enter_next_part()
    assert (course.part, course.epoch, course.epoch_of_part) == (1, 2, 0)
    assert course.end_epoch(0.5)
    assert course.finished


def test_a_part_ends_early_after_epochs_without_a_better_figure():
    course = Course([part(10, stop_after=2), part(1)])
    assert [course.end_epoch(figure) for figure in (0.1, 0.3, 0.3, 0.4, 0.2, 0.4)] == [False] * 5 + [True]
    assert not course.finished


def test_a_new_part_owes_nothing_to_the_best_figure_of_the_one_before():
    course = Course([part(1), part(5, stop_after=1)])
    course.end_epoch(0.9)
    course.enter_next_part()
    assert not course.end_epoch(0.1)
    assert course.end_epoch(0.1)


def test_the_encoder_rests_in_the_first_epochs_of_a_part():
    course = Course([part(1), part(3, frozen_epochs=2)])
    frozen = [course.frozen]
    course.end_epoch(None)
    course.enter_next_part()
    for _ in range(3):
        frozen.append(course.frozen)
        course.end_epoch(None)
    assert frozen == [False, True, True, False]


def test_a_course_goes_on_where_its_state_was_taken():
    first = Course([part(5, stop_after=2), part(1)])
    first.end_epoch(0.7)
    first.end_epoch(0.6)
    second = Course(first.parts)
    second.load_state_dict(first.state_dict())
    assert second.end_epoch(0.6)
    assert second.epoch == 3
