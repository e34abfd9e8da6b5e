from pathlib import Path

from lesionkit.core.cache_root import cache_root


def test_the_cache_lies_where_the_environment_says_else_at_home(monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", "~/big/disk")
    assert cache_root() == Path.home() / "big" / "disk"
    monkeypatch.delenv("LESIONKIT_CACHE")
    assert cache_root() == Path.home() / ".cache" / "lesionkit"
