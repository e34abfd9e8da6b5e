import subprocess
import sys

from lesionkit.core import display
from lesionkit.core.lesion import Candidate


def test_a_noun_is_shown_by_what_the_text_names(monkeypatch):
    monkeypatch.setattr(display, "SHOWN_BY", "builtins:repr")
    assert Candidate((1.0, 2.0, 3.0), 0.5)._repr_html_().startswith("Candidate(centre_mm=(1.0, 2.0, 3.0)")


def test_a_noun_can_be_made_without_what_draws_it():
    script = "import sys\nimport lesionkit.core.case, lesionkit.evaluate.score\n"
    script += "assert not [m for m in sys.modules if m.startswith(('matplotlib', 'lesionkit.report', 'jinja2'))]"
    subprocess.run([sys.executable, "-c", script], check=True)
