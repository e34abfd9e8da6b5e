import contextlib
import socket

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.review.server.serve import HOST, bound


def test_a_port_in_use_is_refused():
    with contextlib.closing(socket.socket()) as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LesionkitError, match=f"port {port} is in use; give another --port, or none"):
            bound(port)


def test_who_comes_before_the_server_has_started_waits_and_is_not_refused():
    with contextlib.closing(bound(0)) as made, contextlib.closing(socket.socket()) as early:
        early.connect(made.getsockname())


def test_a_free_port_is_of_this_machine_alone():
    with contextlib.closing(bound(0)) as made:
        assert made.getsockname()[0] == "127.0.0.1"
