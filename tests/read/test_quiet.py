import os
from concurrent.futures import ThreadPoolExecutor

from lesionkit.read.quiet import silenced


def shout(text):
    os.write(2, text)


def test_what_c_writes_to_stderr_is_dropped_and_the_terminal_comes_back(capfd):
    with silenced():
        shout(b"[ERROR] libopenjp2")
    shout(b"ours")
    assert capfd.readouterr().err == "ours"


def test_threads_may_be_inside_at_the_same_time(capfd):
    def work(number):
        with silenced():
            shout(b"noise %d" % number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(50)))
    shout(b"ours")
    assert capfd.readouterr().err == "ours"


def test_the_terminal_comes_back_after_an_error(capfd):
    try:
        with silenced():
            raise ValueError
    except ValueError:
        shout(b"ours")
    assert capfd.readouterr().err == "ours"
