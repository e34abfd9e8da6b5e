"""How many settings the three kinds of recipes have, and how many names they share.

    python benchmarks/settings_names.py                            # of the installed code
    PYTHONPATH=OTHER/src python benchmarks/settings_names.py       # of another checkout

A leaf is a setting that is one value; those of a member of an ensemble are counted once, as `members[].learn.batch`.
"""

from collections.abc import Iterator
from typing import Any, get_args

from lesionkit.core.settings import Settings
from lesionkit.recipes import load_recipe

KINDS = ("ct-nodule", "xray-pneumothorax", "slide-metastasis")


def leaves(settings: Settings, path: str = "") -> Iterator[str]:
    """Dotted names of all leaves, without those of members."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def of_type(kind: type[Settings], path: str) -> Iterator[str]:
    """Dotted names of all leaves that a group of some type has, groups that may be null included."""
    for name, field in kind.model_fields.items():
        group = next(groups_in(field.annotation), None)
        yield from of_type(group, f"{path}{name}.") if group else (f"{path}{name}",)


def groups_in(annotation: Any) -> Iterator[type[Settings]]:
    """The types of settings that an annotation names: X, X | None, but not tuple[X, ...]."""
    for one in (annotation, *(() if "tuple" in str(annotation)[:6] else get_args(annotation))):
        if isinstance(one, type) and issubclass(one, Settings):
            yield one


def of_members(settings: Settings) -> Iterator[str]:
    """Dotted names of the leaves of a member, where there are members."""
    field = type(settings).model_fields.get("members")
    for kind in get_args(field.annotation) if field is not None else ():
        if isinstance(kind, type) and issubclass(kind, Settings):
            yield from of_type(kind, "members[].")


def main() -> None:
    settings = {kind: load_recipe(kind).settings() for kind in KINDS}
    plain = {kind: set(leaves(one)) for kind, one in settings.items()}
    members = {kind: set(of_members(one)) for kind, one in settings.items()}
    for kind in KINDS:
        print(f"{kind}: {len(plain[kind])} leaves, and {len(members[kind])} of a member")
    shared, shared_members = (set.intersection(*table.values()) for table in (plain, members))
    print(f"shared by all: {len(shared)}, and {len(shared_members)} of a member")
    print("\n".join(sorted([*shared, *shared_members])))


if __name__ == "__main__":
    main()
