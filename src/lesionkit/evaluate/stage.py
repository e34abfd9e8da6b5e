"""From nodes to the stage of a patient: the pN stage as CAMELYON17 simplifies it."""

from collections.abc import Iterable

from lesionkit.core.errors import LesionkitError

NODE_LABELS = ("negative", "itc", "micro", "macro")
"""What is found in a lymph node, least first; itc are isolated tumour cells."""

STAGES = ("pN0", "pN0(i+)", "pN1mi", "pN1", "pN2")
"""Stages of a patient, least first."""


def pn_stage(nodes: Iterable[str]) -> str:
    """Stage of a patient from the labels of the nodes, of which CAMELYON17 has five.

    A node is positive with a micro- or a macrometastasis; isolated tumour cells alone do not make it so. Up to three
    positive nodes with a macrometastasis among them are pN1, four or more pN2; micrometastases only are pN1mi.

    Raises:
        LesionkitError: an unknown label, or no node.

    >>> pn_stage(["macro", "micro", "itc", "negative", "negative"])
    'pN1'
    """
    labels = list(nodes)
    unknown = [label for label in labels if label not in NODE_LABELS]
    if unknown or not labels:
        came = f"'{unknown[0]}'" if unknown else "no node"
        raise LesionkitError(f"a stage needs nodes that are {', '.join(NODE_LABELS)}, got {came}")
    n_macro, n_positive = labels.count("macro"), labels.count("macro") + labels.count("micro")
    if n_macro:
        return "pN2" if n_positive >= 4 else "pN1"
    if n_positive:
        return "pN1mi"
    return "pN0(i+)" if "itc" in labels else "pN0"
