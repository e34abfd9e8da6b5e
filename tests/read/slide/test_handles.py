import os

from lesionkit.read.slide.handles import Handles


def test_a_handle_is_opened_once_and_the_one_not_used_for_longest_is_let_go():
    handles = Handles(room=2)
    opened = []

    def get(key):
        return handles.get(key, lambda: opened.append(key) or key.upper())

    assert [get(key) for key in "abab"] == ["A", "B", "A", "B"]
    get("c")
    assert len(handles) == 2
    get("b")
    get("a")
    assert opened == ["a", "b", "c", "a"]


def test_a_dropped_handle_is_opened_anew():
    handles = Handles()
    first = handles.get("a", object)
    handles.drop("a")
    assert handles.get("a", object) is not first


def test_a_forked_process_opens_its_own():
    handles = Handles()
    handles.get("a", object)
    child = os.fork()
    if child == 0:
        os._exit(len(handles))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(handles) == 1
