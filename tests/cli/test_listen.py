from types import SimpleNamespace

import pytest

from lesionkit.archive import listen as subject
from lesionkit.archive.queue import Queue
from lesionkit.archive.visit import Arrival
from lesionkit.core.settings import Settings


@pytest.fixture
def listened(monkeypatch):
    """What the service was begun with; it stops at once."""
    found = []
    monkeypatch.setattr(subject, "listen", lambda *words: found.append(SimpleNamespace(words=words)))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    recipe = SimpleNamespace(model_settings=lambda model: Settings())
    monkeypatch.setattr("lesionkit.recipes.load_recipe", lambda name: recipe)
    monkeypatch.setattr("lesionkit.recipes.study.study_search", lambda *words: words)
    return found


def test_options_are_what_the_service_is_begun_with(lesionkit, listened):
    words = ["--port", "0", "--send-to", "dicomweb:http://a/b/", "--send-to", "dimse:h:1/A", "--allow", "X"]
    assert lesionkit("listen", *words, "--aet", "ME", "--quiet", "5", "--images", "9", "--at", "0.4").exit_code == 0
    folder, searcher, addresses, how, *_ = listened[0].words
    assert (str(folder), addresses) == ("runs/listen", ["dicomweb:http://a/b", "dimse:h:1/A"])
    assert searcher[0::3] == ("ct-nodule", ("dicom-sr",))
    assert (how.receive.port, how.receive.title, how.receive.allow, how.receive.images) == (0, "ME", ("X",), 9)
    assert (how.quiet_s, how.sending.caller, searcher[-2:]) == (5, "ME", ("0.4", False))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--send-to", "pacs"], "lesionkit: an archive is dicomweb:URL"),
        (["--allow", "A\\B"], "lesionkit: an AE title has 1 to 16 ASCII letters"),
        (
            ["--tls-cert", "none.pem"],
            "lesionkit: --tls-cert must be a PEM file with a certificate and its key, got none",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(lesionkit, listened, words, sentence):
    done = lesionkit("listen", *words)
    assert (done.exit_code, done.stderr.startswith(sentence)) == (2, True), done.stderr
    assert listened == []


def test_a_queue_is_told(lesionkit, tmp_path):
    (tmp_path / "q").mkdir()
    with Queue(tmp_path / "q") as queue:
        queue.add(Arrival("1.2", "1.3", "1.4", "P"), "a", 1.0, 10)
        queue.settle(2)
        queue.fail(queue.claim("me"), "me", "no lungs", 3)
    told = lesionkit("listen", "--queue", "q", "--show")
    assert (told.exit_code, told.stdout.split()) == (
        0,
        ["study", "state", "images", "why", "1", "failed", "1", "no", "lungs"],
    )
    assert lesionkit("listen", "--queue", "none", "--show").stderr.startswith("lesionkit: none holds no queue")
