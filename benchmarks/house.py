"""The house in figures: sizes of `recipes` and `runs`, arrows inside them, names defined twice, mirrored tests.

python benchmarks/house.py [ROOT] [ROOT]      # of one checkout, or of two side by side
"""

import argparse
import ast
from collections import Counter
from pathlib import Path


def rows(root: Path) -> dict[str, object]:
    source, tests = root / "src" / "lesionkit", root / "tests"
    files = {path: path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.py"))}
    recipes = {path: text for path, text in files.items() if path.relative_to(source).parts[0] == "recipes"}
    runs = {path: text for path, text in files.items() if path.relative_to(source).parts[0] == "runs"}
    trees = {path: ast.parse(text) for path, text in files.items()}
    arrows = sum(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lesionkit.recipes")
        for path in recipes
        for node in ast.walk(trees[path])
    )
    functions, classes = Counter(), Counter()
    for path in recipes:
        functions.update({n.name for n in trees[path].body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"})
    for path in files:
        classes.update({n.name for n in trees[path].body if isinstance(n, ast.ClassDef)})
    named = {path for path in files if path.stem != "__init__" and path.suffix == ".py"}
    mirrored = {path for path in named if (tests / path.relative_to(source).parent / f"test_{path.stem}.py").is_file()}
    lines = sum(text.count("\n") for text in files.values())
    test_lines = sum(path.read_text(encoding="utf-8").count("\n") for path in tests.rglob("*.py"))
    case_lines = sum(path.read_text(encoding="utf-8").count("\n") for path in tests.rglob("case.yaml"))
    return {
        "lines of recipes": sum(text.count("\n") for text in recipes.values()),
        "lines of recipes and runs": sum(text.count("\n") for text in (recipes | runs).values()),
        "files of recipes": len(recipes),
        "files on its top level": sum(path.parent == source / "recipes" for path in recipes),
        "imports inside recipes": arrows,
        "public functions of recipes with a name that another file has": sum(n > 1 for n in functions.values()),
        "class names that two files have": sum(count > 1 for count in classes.values()),
        "files of recipes with a mirrored test": f"{len(mirrored & recipes.keys())} of {len(named & recipes.keys())}",
        "all files with a mirrored test": f"{len(mirrored)} of {len(named)}",
        "lines of source": lines,
        "lines of tests per line of source": round(test_lines / lines, 3),
        "the same with cases of the corpus": round((test_lines + case_lines) / lines, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="*", type=Path, default=[Path()])
    tables = [rows(root) for root in parser.parse_args().roots]
    for name in tables[0]:
        print(f"{name}: {' -> '.join(str(table[name]) for table in tables)}")


if __name__ == "__main__":
    main()
