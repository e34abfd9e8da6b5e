import numpy as np

from lesionkit.write.waiting import Waiting

LEFT, RIGHT = (slice(0, 2), slice(0, 1)), (slice(0, 2), slice(1, 2))


def waiting_tiles(folder, room):
    return Waiting(folder, (2, 2), np.dtype(np.uint8), 9, room)


def test_a_tile_holds_its_parts_and_the_fill_where_none_came(tmp_path):
    waiting = waiting_tiles(tmp_path, room=4)
    waiting.fill((0, 0), LEFT, np.uint8(5))
    assert (waiting.places(), waiting.count((0, 0)), waiting.count((0, 1))) == ([(0, 0)], 1, 0)
    assert waiting.take((0, 0)).tolist() == [[5, 9], [5, 9]]
    assert waiting.places() == []


def test_what_finds_no_room_in_memory_waits_on_disk_and_comes_back(tmp_path):
    waiting = waiting_tiles(tmp_path, room=1)
    for column in range(5):
        waiting.fill((0, column), LEFT, np.uint8(column))
    assert waiting.on_disk == 4
    for column in range(5):
        waiting.fill((0, column), RIGHT, np.uint8(column + 10))
    assert [waiting.take(place).tolist()[0] for place in waiting.places()] == [[i, i + 10] for i in range(5)]
    waiting.close()


def test_the_scratch_file_reuses_its_slots_and_leaves_nothing_behind(tmp_path):
    waiting = waiting_tiles(tmp_path, room=1)
    for turn in range(50):
        waiting.fill((turn, 0), LEFT, np.uint8(1))
        waiting.fill((turn, 1), LEFT, np.uint8(2))
        assert waiting.take((turn, 0))[0, 0] == 1
        assert waiting.take((turn, 1))[0, 0] == 2
    assert waiting.on_disk == 0
    waiting.close()
    assert list(tmp_path.iterdir()) == []
