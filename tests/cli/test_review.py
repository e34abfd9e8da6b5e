import json

from tests.recipes.reviewed_runs import ct_run, decided
from typer.testing import CliRunner

from lesionkit.cli.main import app


def test_truth_is_written_and_the_next_command_is_told(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("done", "a"))
    result = CliRunner().invoke(app, ["review", "export", str(run), "--out", str(tmp_path / "truth")])
    assert result.exit_code == 0, result.stderr
    assert f"lesionkit train ct-nodule {tmp_path / 'truth'}" in result.stdout


def test_agreement_lists_what_readers_do_not_agree_on(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("accept", "a", 1), ("done", "a"), reader="ann")
    decided(run, ("accept", "a", 0), ("reject", "a", 1), ("done", "a"), reader="ben")
    result = CliRunner().invoke(app, ["review", "agreement", str(run)])
    assert "Cohen's kappa of ann and ben: 0.000" in result.stdout
    assert result.stdout.count("found ") == 1
    told = json.loads(CliRunner().invoke(app, ["review", "agreement", str(run), "--json"]).stdout)
    assert [one["answers"]["ben"] for one in told["places"]] == ["accept", "reject"]
