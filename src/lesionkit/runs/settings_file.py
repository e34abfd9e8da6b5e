"""Settings as people write them: a commented YAML file, `--config my.yaml`, `--set learn.steps=300`."""

import difflib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import parse_yaml, told
from lesionkit.runs.old_names import old_names

S = TypeVar("S", bound=Settings)

Name: TypeAlias = tuple[str, ...]
"""A dotted name of a setting in parts: ("learn", "epochs")."""

Sources: TypeAlias = Mapping[Name, str]
"""Where the value of a setting was given: "my.yaml, line 3"."""

_COMMENT_WIDTH = 110


def show(settings: Settings, title: str = "") -> str:
    """One commented YAML file with every setting. `resolve(type(settings)(), [file])` gives `settings` back.

    >>> from pydantic import Field
    >>> class Smooth(Settings):
    ...     sigma_mm: float = Field(1.0, description="Width of the Gaussian.")
    >>> print(show(Smooth()))
    # Width of the Gaussian.
    sigma_mm: 1.0
    <BLANKLINE>
    """
    head = [f"# {line}" for line in title.splitlines()]
    return "\n".join([*head, *([""] if head else []), *_lines(settings)]).strip("\n") + "\n"


def resolve(base: S, configs: Sequence[Path] = (), assignments: Sequence[str] = ()) -> S:
    """`base` changed by files, then by `stage.field=value` texts; later ones win, all are checked together.

    A text value is read as YAML ("3", "true", "[1, 2]"), else as it stands; "1,2,3" is a list where a list is wanted.

    Raises:
        LesionkitError: names the file and line, or the text, with the field and what it must hold.
    """
    values: dict[str, Any] = {}
    sources: dict[Name, str] = {}
    for config in configs:
        read, lines = _read_file(Path(config))
        _merge(values, read)
        sources |= lines
    for text in assignments:
        path, value = parse_assignment(base, text)
        _merge(values, _nested(path, value))
        sources[path] = f"--set {text}"
    return change(base, values, sources)


def change(base: S, values: Mapping[str, Any], sources: Sources | None = None, path: Name = ()) -> S:
    """`base` with nested plain values put in: `change(settings, {"learn": {"epochs": 3}})`.

    A group whose `preset` changes starts afresh from that preset; its other values were those of the old one.

    Args:
        sources: where each value came from, for the sentence of an error.
        path: names of the groups that lead to `base`, for the sentence of an error.

    Raises:
        LesionkitError: an unknown name at any depth, or a value that does not fit.
    """
    afresh = "preset" in values and values["preset"] != getattr(base, "preset", None)
    fields = {} if afresh else {name: getattr(base, name) for name in base.model_fields_set}
    for name, value in values.items():
        here = (*path, str(name))
        _refuse_old(here, value, sources)
        _require_known(base, here, sources)
        current = getattr(base, name)
        nested = isinstance(current, Settings) and isinstance(value, Mapping)
        fields[name] = change(current, value, sources, here) if nested else value
    try:
        return type(base).model_validate(fields)
    except LesionkitError as error:
        raise LesionkitError(f"{_source(sources, path)}{error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        here = (*path, *(str(part) for part in first["loc"]))
        says = first["msg"].removeprefix("Value error, ")
        came = "" if first["type"] == "value_error" else f", got {first['input']!r}"
        name = ".".join(here) or type(base).__name__
        raise LesionkitError(f"{_source(sources, here)}setting '{name}': {says}{came}") from error


def parse_assignment(base: Settings, text: str) -> tuple[Name, Any]:
    """The path and the value of `stage.field=value`, the value read by the type of that field.

    Raises:
        LesionkitError: there is no "=", or no such field.
    """
    name, equals, raw = text.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    sources = {path: f"--set {text}"}
    if not equals or not all(path):
        raise LesionkitError(f"--set needs stage.field=value, got '{text}'")
    with suppress(yaml.YAMLError, ValueError):
        _refuse_old(path, parse_yaml(raw)[0], sources)
    group = base
    for depth, part in enumerate(path):
        _require_known(group, path[: depth + 1], sources)
        if depth + 1 < len(path):
            group = getattr(group, part)
            if not isinstance(group, Settings):
                raise LesionkitError(f"--set {text}: '{'.'.join(path[: depth + 1])}' is one value, not a group")
    return path, _read_value(type(group).model_fields[path[-1]], raw.strip())


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[str]:
    """What differs between two nested mappings of plain values, one phrase each, in order.

    >>> differences({"learn": {"epochs": 9, "lr": 0.1}}, {"learn": {"epochs": 3, "lr": 0.1}})
    ['learn.epochs was 9 and is 3 now']
    """
    found = []
    for name in [*before, *(name for name in after if name not in before)]:
        here = f"{path}.{name}" if path else str(name)
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, here)
        elif old != new:
            found.append(f"{here} was {_plain(old)} and is {_plain(new)} now")
    return found


def _lines(settings: Settings, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        group = isinstance(value, Settings)
        note = field.description or (type(value).__doc__ if group else "") or ""
        if group and depth == 0:
            yield ""
        for line in _comment(note, field.annotation):
            yield f"{indent}# {line}"
        if group:
            yield f"{indent}{name}:" + ("" if type(value).model_fields else " {}")
            yield from _lines(value, depth + 1)
        else:
            yield f"{indent}{name}: {_plain(values[name])}"


def _comment(note: str, annotation: Any) -> list[str]:
    text = " ".join(note.split("\n\n")[0].split())
    kinds = [annotation, *get_args(annotation)]
    choices = [str(choice) for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if choices:
        text = f"{text} One of: {', '.join(choices)}.".strip()
    return textwrap.wrap(text, _COMMENT_WIDTH)


def _plain(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _read_file(file: Path) -> tuple[dict[str, Any], Sources]:
    try:
        text = file.read_text(encoding="utf-8")
        values, node = parse_yaml(text)
    except OSError as error:
        raise LesionkitError(f"cannot read settings file {file}: {error.strerror}; check --config") from error
    except UnicodeDecodeError as error:
        raise LesionkitError(f"settings file {file} must be UTF-8 text; is it a settings file?") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LesionkitError(f"{file}, line {line}: not valid YAML, {error.problem}") from error
    except yaml.YAMLError as error:
        raise LesionkitError(f"{file}: not valid YAML, {told(error)}") from error
    except (ValueError, TypeError, AttributeError) as error:
        # What the constructors of its dates, sets and numbers trip over.
        raise LesionkitError(f"{file}: not valid settings, {told(error)}") from error
    if values is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        raise LesionkitError(f"{file}: must hold 'field: value' lines in groups, got one {type(values).__name__}")
    return values, dict(_places(node, file))


def _places(node: yaml.MappingNode, file: Path, path: Name = ()) -> Iterator[tuple[Name, str]]:
    """Where each key of a YAML file stands."""
    seen: set[str] = set()
    for key, value in node.value:
        here, place = (*path, str(key.value)), f"{file}, line {key.start_mark.line + 1}"
        if key.value in seen:
            raise LesionkitError(f"{place}: '{'.'.join(here)}' is given twice; delete one")
        seen.add(key.value)
        yield here, place
        if isinstance(value, yaml.MappingNode):
            yield from _places(value, file, here)


def _read_value(field: FieldInfo, raw: str) -> Any:
    """The first reading of a text that the field's type accepts; the plain one where none is."""
    readings: list[Any] = []
    for text in (raw, f"[{raw}]"):
        with suppress(yaml.YAMLError, ValueError):
            readings.append(parse_yaml(text)[0])
    wanted: Any = Annotated[field.annotation, field]
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    for reading in (*readings[:1], raw, *readings[1:], *([None] if raw.lower() == "none" else [])):
        with suppress(ValidationError):
            adapter.validate_python(reading)
            return reading
    return readings[0] if readings else raw


def _require_known(group: Settings, path: Name, sources: Sources | None) -> None:
    names = list(type(group).model_fields)
    if path[-1] in names:
        return
    close = difflib.get_close_matches(path[-1], names, n=1, cutoff=0.4)
    if close:
        cure = f"did you mean '{'.'.join((*path[:-1], close[0]))}'?"
    else:
        cure = f"{'.'.join(path[:-1]) or 'the recipe'} has {', '.join(names)}"
    raise LesionkitError(f"{_source(sources, path)}unknown setting '{'.'.join(path)}'; {cure}")


def _refuse_old(path: Name, value: Any, sources: Sources | None) -> None:
    for place, sentence in old_names(_nested(path, value)):
        raise LesionkitError(f"{_source(sources, place)}{sentence}")


def _source(sources: Sources | None, path: Name) -> str:
    for end in range(len(path), 0, -1):
        if sources and path[:end] in sources:
            return f"{sources[path[:end]]}: "
    return ""


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _nested(path: Name, value: Any) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if len(path) > 1 else value}
