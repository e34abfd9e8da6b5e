import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.recipes.base import Item
from lesionkit.recipes.searching import Search
from lesionkit.runs.records import record_file, record_files
from lesionkit.runs.units import stage_units


@dataclass(frozen=True)
class Letters:
    """How many letters a text has."""

    item: Item
    count: int
    facts: dict = field(default_factory=dict)

    def document(self):
        return {"count": self.count, "facts": self.facts}

    @classmethod
    def parse(cls, item, document):
        return cls(item, int(document["count"]), document["facts"])


class Toy(Settings):
    engine: EngineSettings = EngineSettings(backend="here")


def open_text(item, settings):
    if not item.path.is_file():
        raise LesionkitError(f"{item.path} is no text")
    return item.path.read_text()


def search_text(item, opened, model, settings, folder, keep):
    return Letters(item, len(opened) + model, {"kept": keep})


SEARCH = Search("text", Letters, open_text, search_text)


@pytest.fixture
def items(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name * 3)
    return [Item(name, tmp_path / f"{name}.txt", known={"letters": 3}) for name in "abc"]


def test_every_image_gets_one_record_of_what_was_found_and_what_was_known(items, tmp_path):
    assert SEARCH.many([(item, 10) for item in items], Toy(), tmp_path) == {}
    files = list(record_files(tmp_path))
    assert [file.stem for file in files] == ["a", "b", "c"]
    assert [SEARCH.read(file) for file in files] == [Letters(item, 13, {"kept": True}) for item in items]


def test_an_image_that_has_its_record_is_not_searched_again(items, tmp_path):
    SEARCH.many([(items[0], 10)], Toy(), tmp_path)
    SEARCH.many([(item, 20) for item in items], Toy(), tmp_path)
    assert [SEARCH.read(file).count for file in record_files(tmp_path)] == [13, 23, 23]


def test_one_engine_goes_on_where_another_stopped_and_says_how_far_each_image_is(items, tmp_path):
    SEARCH.many([(items[0], 10)], Toy(), tmp_path)
    (tmp_path / "c.txt").unlink()
    two = Toy(engine=EngineSettings(workers=2))
    assert list(SEARCH.many([(item, 20) for item in items], two, tmp_path)) == ["c"]
    assert [SEARCH.read(file).count for file in record_files(tmp_path)] == [13, 23]
    plan, units = stage_units(tmp_path, "find")
    assert (plan.total, plan.before, plan.engine, plan.workers) == (3, 1, "processes", 2)
    assert {unit.name: unit.state for unit in units} == {"a": "done", "b": "done", "c": "failed"}


def test_an_image_that_fails_leaves_no_record_and_the_others_go_on(items, tmp_path):
    (tmp_path / "b.txt").unlink()
    failed = SEARCH.many([(item, 0) for item in items], Toy(), tmp_path)
    assert failed == {"b": f"{tmp_path}/b.txt is no text"}
    assert [file.stem for file in record_files(tmp_path)] == ["a", "c"]


def test_the_only_image_keeps_what_its_page_needs(items, tmp_path):
    assert SEARCH.alone((items[0], 0), Toy(), tmp_path).facts == {"kept": False}
    assert record_file(tmp_path, "a").is_file()


def test_what_is_known_now_comes_before_what_was_known_then(items, tmp_path):
    SEARCH.alone((items[0], 0), Toy(), tmp_path)
    now = Item("a", Path("elsewhere"), "p")
    assert SEARCH.read(record_file(tmp_path, "a"), now).item == now


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"item": {"case_id": "a", "path": "a"}}'])
def test_a_damaged_record_is_named(tmp_path, text):
    file = record_file(tmp_path, "a")
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(LesionkitError, match=r"a\.json is damaged .*; delete it and run the same command again"):
        SEARCH.read(file)


def test_a_record_is_plain_json(items, tmp_path):
    SEARCH.alone((items[0], 0), Toy(), tmp_path)
    document = json.loads(record_file(tmp_path, "a").read_text())
    assert (document["item"]["case_id"], document["count"]) == ("a", 3)
