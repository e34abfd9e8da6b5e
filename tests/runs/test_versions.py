import sys

import lesionkit
from lesionkit.runs import versions as subject


def test_versions_name_python_us_and_what_we_stand_on():
    found = subject.versions()
    assert found["lesionkit"] == lesionkit.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(subject.PACKAGES) <= found.keys()


def test_what_is_not_installed_has_no_version():
    assert subject.installed_version("no-such-distribution") is None
