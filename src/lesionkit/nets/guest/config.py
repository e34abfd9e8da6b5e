"""The configs of a MONAI bundle as plain values: JSON or YAML is read, and what would be run is read as text only.

A config mixes plain values with references (`@infer_patch_size`) and with expressions (`$torch.device('cpu')`). Nothing
is executed and nothing is imported: references to plain values are followed, and of expressions only calls are looked
at as syntax, for the plain values they are called with.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import parse_yaml, reads, told

SUFFIXES = (".json", ".yaml", ".yml")
_REFERENCE = re.compile(r"@([A-Za-z_][\w#:]*)")
_MARK = "_reference_"


@dataclass(frozen=True)
class Call:
    """A call that an expression would make.

    Attributes:
        name: the last part of what is called: "resnet50".
        positional, named: arguments that are plain values, references followed; others are None.
    """

    name: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]


@dataclass(frozen=True)
class BundleConfig:
    """One config of a bundle.

    Attributes:
        path: of its file, for sentences.
    """

    path: Path
    values: Mapping[str, Any]

    def plain(self, value: Any) -> Any:
        """A value with references to plain values followed; an expression or a circle gives None."""
        return self._followed(value, ())

    def _followed(self, value: Any, seen: tuple[str, ...]) -> Any:
        if isinstance(value, str) and value.startswith("$"):
            return None
        if isinstance(value, str) and value.startswith("@"):
            name = value[1:]
            return None if name in seen else self._followed(self.values.get(name), (*seen, name))
        if isinstance(value, list | tuple):
            return [self._followed(one, seen) for one in value]
        if isinstance(value, Mapping):
            return {str(name): self._followed(one, seen) for name, one in value.items()}
        return value

    def calls(self, text: Any) -> list[Call]:
        """The calls that an expression would make, outermost first; of anything else none.

        >>> config = BundleConfig(Path("a.json"), {"size": [8, 8, 4]})
        >>> [(call.name, dict(call.named)) for call in config.calls("$monai.nets.resnet50(spatial_dims=3, roi=@size)")]
        [('resnet50', {'spatial_dims': 3, 'roi': [8, 8, 4]})]
        """
        if not isinstance(text, str) or not text.startswith("$"):
            return []
        try:
            tree = ast.parse(_REFERENCE.sub(lambda found: _MARK + found[1], text[1:]), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        return [self._call(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]

    def _call(self, node: ast.Call) -> Call:
        name = ast.unparse(node.func).rpartition(".")[2]
        named = {word.arg: self._literal(word.value) for word in node.keywords if word.arg}
        return Call(name, tuple(self._literal(one) for one in node.args), named)

    def _literal(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id.startswith(_MARK):
            return self.plain("@" + node.id.removeprefix(_MARK))
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None

    def component(self, target: str) -> Mapping[str, Any] | None:
        """The first component, wherever it stands, whose `_target_` is a class of this name; references followed."""
        return next((found for found in _components(self.values) if _class_of(found) == target), None)

    def targets(self) -> list[str]:
        """The classes that the config names, in its order."""
        return list(dict.fromkeys(_class_of(found) for found in _components(self.values)))


@reads("a config of a MONAI bundle")
def read_config(path: Path) -> BundleConfig:
    """A JSON or YAML config.

    Raises:
        LesionkitError: it is missing, no JSON or YAML, or no table of names.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else parse_yaml(text)[0]
    except OSError as error:
        raise LesionkitError(f"{path} cannot be read ({error.strerror}); download the bundle again") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise LesionkitError(
            f"{path} must be JSON or YAML, but is damaged ({told(error)}); download the bundle again"
        ) from error
    if not isinstance(values, dict):
        raise LesionkitError(f"{path} must hold names with values, got {type(values).__name__}; is it a config?")
    return BundleConfig(path, values)


def numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """Plain numbers of a list of so many; None where it is anything else."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        return None
    return tuple(float(one) for one in value)


def _components(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if isinstance(value.get("_target_"), str):
            yield value
        for one in value.values():
            yield from _components(one)
    elif isinstance(value, list):
        for one in value:
            yield from _components(one)


def _class_of(component: Mapping[str, Any]) -> str:
    return str(component["_target_"]).rpartition(".")[2]
