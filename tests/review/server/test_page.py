"""The files of the page: what is of others is as it came, and what is ours writes no markup."""

import hashlib
import json
import re

import pytest

from lesionkit.review.server.app import PAGE

VENDOR = PAGE / "vendor"
LISTED = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))
OURS = sorted(PAGE.glob("*.js"))


@pytest.mark.parametrize("one", LISTED, ids=lambda one: one["file"])
def test_what_is_of_others_is_as_they_released_it(one):
    assert hashlib.sha256((VENDOR / one["file"]).read_bytes()).hexdigest() == one["sha256"]
    assert "Redistribution and use" in (VENDOR / one["licence_file"]).read_text(encoding="utf-8")
    assert one["licence"] in ("BSD-2-Clause", "BSD-3-Clause", "MIT", "Apache-2.0")


def test_every_file_of_others_is_listed():
    listed = {name for one in LISTED for name in (one["file"], one["licence_file"])}
    assert {file.name for file in VENDOR.iterdir()} == listed | {"vendor.json"}


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_text_is_put_in_as_text_and_nothing_is_asked_of_another_machine(file):
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert re.findall(r"https?://[^'\"\s]+", text) == (
        ["http://www.w3.org/2000/svg"] if file.name == "marks.js" else []
    )


@pytest.mark.parametrize("file", [*OURS, PAGE / "page.css", PAGE / "page.html"], ids=lambda file: file.name)
def test_files_of_the_page_are_short_enough_to_read(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 360
    assert max(map(len, lines)) <= 140


def test_every_control_has_a_name_and_every_id_that_is_asked_for_is_there():
    html = (PAGE / "page.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    asked = {name for file in OURS for name in re.findall(r"by\('([a-z-]+)'\)", file.read_text(encoding="utf-8"))}
    assert asked <= ids
    for control in re.findall(r"<(?:input|select|textarea)[^>]*\bid=\"([^\"]+)\"", html):
        assert f'for="{control}"' in html, control
