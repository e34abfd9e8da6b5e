"""Inputs to begin from, and what is asked of each: the cases of tests/corpus, and files that lesionkit writes."""

import contextlib
import importlib.util
import io
import json
import shlex
import shutil
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_truth import truths

CORPUS = Path(__file__).resolve().parents[1] / "tests" / "corpus"
QUICK = ("info", "index", "evaluate", "models", "report", "export", "status", "recipes", "cache")
KINDS = (
    "truth",
    "scan",
    "catalogue",
    "picture",
    "slide",
    "outline",
    "index",
    "evaluate",
    "info",
    "model",
    "run",
    "settings",
)


@dataclass(frozen=True)
class Seed:
    """An input to begin from.

    Attributes:
        kind: one of KINDS.
        name: of the case.
        make: writes its files into an empty folder.
        ask: called in that folder; returns what was measured (None of a command) and what was said.
        never: names of files that are not changed.
    """

    kind: str
    name: str
    make: Callable[[Path], None]
    ask: Callable[[], tuple[Any, str]]
    never: tuple[str, ...] = ()


def _corpus() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_of_fuzz", CORPUS / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def seeds() -> list[Seed]:
    """Every seed, by kind and name."""
    corpus = _corpus()
    found = [seed for folder in sorted(CORPUS.iterdir()) if (seed := _of_case(corpus, folder)) is not None]
    found += [Seed("truth", f"truth-{name}", make, ask) for name, make, ask in truths()]
    return sorted([*found, *own()], key=lambda seed: (seed.kind, seed.name))


def _of_case(corpus: types.ModuleType, folder: Path) -> Seed | None:
    if not (folder / "case.yaml").is_file():
        return None
    case = corpus.load_case(folder)
    if "strike" in case or "terminal" in case or not (case.get("make") or len(list(folder.iterdir())) > 1):
        return None

    def make(work: Path) -> None:
        corpus.make_input(folder, case, work)

    if "read" in case:
        kind = case["read"]["probe"].replace("pictures", "picture")
        return Seed(kind, folder.name, make, lambda: _probed(corpus, case["read"]))
    lines = case["run"] if isinstance(case["run"], list) else [case["run"]]
    verb = lines[-1].split()[0]
    if len(lines) > 1 or verb not in QUICK:
        return None
    kind = {"models": "model", "report": "run", "export": "run", "status": "run"}.get(verb, verb)
    line = lines[0] + (" --set engine.backend=here --out fuzzed" if verb == "index" and "--set" not in lines[0] else "")
    return Seed(kind if kind in KINDS else "info", folder.name, make, lambda: commanded(line))


def _probed(corpus: types.ModuleType, words: Mapping[str, Any]) -> tuple[Any, str]:
    asked = {name: value for name, value in words.items() if name != "at"}
    values = corpus.PROBES[asked.pop("probe")](**asked)
    return values, " ".join(
        [
            *map(str, values.get("warnings", ())),
            *map(str, values.get("failures", ())),
            str(values.get("unreadable") or ""),
        ]
    )


def commanded(line: str) -> tuple[Any, str]:
    """What a command says; an exit code that nothing explains is an error of its own."""
    from lesionkit.cli.main import main

    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    before, sys.argv = sys.argv, ["lesionkit", *shlex.split(line)]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    said.flush()
    text = said.buffer.getvalue().decode("utf-8", "backslashreplace")
    if code not in (0, 2, 3, None):
        raise RuntimeError(f"exit code {code}: {text[-300:]}")
    return None, text


def own() -> list[Seed]:
    """Files that lesionkit writes, and tables and settings that users write for it."""
    settings = "learn:\n  steps: 30\n  lr: 0.001\ninfer:\n  threads: 1\nsplit:\n  folds: 2\n  shares: [0.6, 0.2, 0.2]\n"
    return [
        Seed("model", "own-ct-model", _ct_model, _loaded("NoduleNet", "nodule_net")),
        Seed("model", "own-ct-model-card", _ct_model, lambda: commanded("models show m.safetensors")),
        Seed("model", "own-ensemble", _ensemble, lambda: _opened_ensemble(Path("ensemble.json"))),
        Seed("settings", "own-ct", _text("s.yaml", settings), lambda: _resolved("ct-nodule")),
        Seed("settings", "own-xray", _text("s.yaml", settings), lambda: _resolved("xray-pneumothorax")),
        Seed("settings", "own-slide", _text("s.yaml", settings), lambda: _resolved("slide-metastasis")),
        Seed("settings", "own-whole", _whole_settings, lambda: _resolved("ct-nodule")),
        Seed("run", "own-status", _run, lambda: commanded("status run")),
        Seed("run", "own-report", _run, lambda: commanded("report run")),
        Seed("run", "own-find", _one_scan, lambda: commanded("find data --model m.safetensors --out found")),
        Seed("run", "own-splits", _splits, lambda: _split_read()),
        Seed("run", "own-truth-of-records", _run, lambda: _records(Path("run"))),
    ]


def _text(name: str, text: str) -> Callable[[Path], None]:
    return lambda work: (work / name).write_text(text, encoding="utf-8") and None


def _ct_model(work: Path) -> None:
    import torch

    from lesionkit.nets.nodule_net import NoduleNet
    from lesionkit.nets.nodule_net_settings import NoduleNetSettings
    from lesionkit.nets.weights import save_model
    from lesionkit.recipes.ct.settings import CtNodule

    torch.manual_seed(0)
    tiny = NoduleNetSettings(channels=(8, 8, 8, 8), blocks=(1, 1, 1, 1))
    card = {"recipe": "ct-nodule", "settings": CtNodule(net=tiny).model_dump(mode="json"), "domain": {"kernels": ["B"]}}
    save_model(work / "m.safetensors", NoduleNet(tiny), card)


def _ensemble(work: Path) -> None:
    from lesionkit.recipes.ct.settings import CtNodule
    from lesionkit.recipes.ensemble import Net, write_ensemble

    _ct_model(work)
    (work / "models").mkdir()
    (work / "m.safetensors").rename(work / "models" / "a.safetensors")
    nets = [
        Net("a", work / "models" / "a.safetensors", "a", "0"),
        Net("b", work / "models" / "b.safetensors", "b", "0"),
    ]
    shutil.copyfile(nets[0].path, nets[1].path)
    write_ensemble(
        work / "ensemble.json", nets, {"recipe": "ct-nodule", "settings": CtNodule().model_dump(mode="json")}
    )


def _loaded(kind: str, module: str) -> Callable[[], tuple[Any, str]]:
    def ask() -> tuple[Any, str]:
        from lesionkit.nets.weights import load_net

        net = getattr(importlib.import_module(f"lesionkit.nets.{module}"), kind)
        load_net(Path("m.safetensors"), net)
        return None, ""

    return ask


def _opened_ensemble(path: Path) -> tuple[Any, str]:
    from lesionkit.recipes.ensemble import model_card, nets_of

    return [str(nets_of(path)), str(model_card(path))], ""


def _resolved(recipe: str) -> tuple[Any, str]:
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.settings_file import resolve

    return str(resolve(load_recipe(recipe).settings(), [Path("s.yaml")])), ""


def _whole_settings(work: Path) -> None:
    from lesionkit.recipes import load_recipe
    from lesionkit.runs.settings_file import show

    (work / "s.yaml").write_text(show(load_recipe("ct-nodule").settings()), encoding="utf-8")


FOUND = Path("/tmp") / "lesionkit-fuzz-run"
"""A finished search of a small phantom, made once before the workers begin: see `prepare_run`."""


def prepare_run() -> None:
    """One search, from which `report` and `status` are asked later."""
    if (FOUND / "run" / "report.html").is_file():
        return
    shutil.rmtree(FOUND, ignore_errors=True)
    FOUND.mkdir(parents=True)
    _ct_model(FOUND)
    said = [commanded(f"phantom ct --out {FOUND}/data --count 2 --seed 3 --size small")]
    with contextlib.chdir(FOUND):
        said.append(commanded("find data --model m.safetensors --out run --set engine.backend=here"))
    if not (FOUND / "run" / "report.html").is_file():
        raise SystemExit(f"the search to begin from failed: {said}")


def _run(work: Path) -> None:
    """The search with places that are relative to where it is asked, so that its model may be changed too."""
    shutil.copytree(FOUND, work, dirs_exist_ok=True)
    shutil.rmtree(work / "run" / "score", ignore_errors=True)
    for file in (work / "run").rglob("*.json"):
        file.write_text(file.read_text(encoding="utf-8").replace(f"{FOUND}/", ""), encoding="utf-8")


def _one_scan(work: Path) -> None:
    _run(work)
    shutil.rmtree(work / "run")
    for scan in sorted((work / "data" / "scans").iterdir())[1:]:
        scan.unlink()
    for file in (work / "data").glob("*.*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def _splits(work: Path) -> None:
    names = [f"c{number}" for number in range(8)]
    document = {"train": names[:4], "validation": names[4:6], "test": names[6:]}
    (work / "splits.json").write_text(json.dumps(document))


def _split_read() -> tuple[Any, str]:
    from lesionkit.sample.split import read_splits

    return str(read_splits(Path("splits.json"), {f"c{number}": f"p{number}" for number in range(8)})), ""


def _records(folder: Path) -> tuple[Any, str]:
    from lesionkit.recipes.ct.kind import CT
    from lesionkit.runs.records import record_files

    return [str(CT.search.read(file)) for file in record_files(folder)], ""
