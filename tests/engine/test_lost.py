from lesionkit.engine.lost import Death, lost_sentence, size_of


class Thing:
    def __init__(self, path):
        self.path = path


def test_the_size_of_a_case_is_that_of_the_file_or_folder_it_points_at(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "in" / "b").write_bytes(b"45")
    assert size_of(tmp_path / "a") == 3
    assert size_of(tmp_path) == size_of((Thing(tmp_path), "model")) == 5
    assert (size_of(7), size_of(()), size_of(tmp_path / "gone")) == (None, None, None)


def test_a_case_lost_for_memory_is_told_with_its_size_and_what_it_had(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    death = Death("was killed (signal 9)", starved=True, peak_bytes=3_200_000_000)
    assert lost_sentence(tmp_path / "a", death, 1) == (
        "its process was killed (signal 9), most likely for want of memory (it is 3 bytes on disk, its process had "
        "3.2 GB when last seen); give it a machine with more, or take fewer engine.workers, and run the same command "
        "again"
    )
