import getpass

import pytest
from tests.recipes.reviewed_runs import ct_run
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.cli.options import reader_name
from lesionkit.core.errors import LesionkitError


@pytest.fixture
def served(monkeypatch):
    """What `serve` was asked for, instead of serving."""
    asked = []

    def serve(session, port, say):
        asked.append((session, port))
        say("http://127.0.0.1:1/token/")
        session.store.close()

    monkeypatch.setattr("lesionkit.review.server.serve.serve", serve)
    return asked


def test_the_address_is_printed_and_the_reader_is_named(tmp_path, served):
    result = CliRunner().invoke(app, ["view", str(ct_run(tmp_path)), "--reader", "ann", "--port", "8123"])
    assert (result.exit_code, served[0][1], served[0][0].reader) == (0, 8123, "ann")
    assert "open http://127.0.0.1:1/token/\n" in result.stdout
    assert "2 scans of" in result.stdout


def test_images_that_are_gone_are_named(tmp_path, served):
    run = ct_run(tmp_path)
    (tmp_path / "images" / "a.mha").unlink()
    result = CliRunner().invoke(app, ["view", str(run), "--reader", "ann"])
    assert result.exit_code == 0
    assert "a.mha: the scan is not there anymore; name its new place with --images DIR" in result.stderr


def test_without_a_name_the_user_reads(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "carla")
    assert reader_name(None) == "carla"
    assert reader_name(" ann ") == "ann"


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_reader_must_have_a_name(name):
    with pytest.raises(LesionkitError, match="a reader must have a name of 1 to 80 letters"):
        reader_name(name)


def test_a_user_without_a_name_must_give_one(monkeypatch):
    def nobody():
        raise OSError("no name")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(LesionkitError, match="give --reader NAME"):
        reader_name(None)
