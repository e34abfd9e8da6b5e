"""What readers can do with the findings of a run, as verbs of its recipe."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lesionkit.recipes.base import ReviewRequest, ReviewVerbs
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.review import review
from lesionkit.recipes.review_truth import export_truth
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.runs.run_folder import RunFolder


def review_verbs(kind: Kind[S, F, Opened], recipe: str) -> ReviewVerbs[S]:
    """The verbs of readers for a kind of image; see `ReviewVerbs`."""
    return ReviewVerbs(
        partial(review, kind=kind, recipe=recipe),
        partial(export_truth, kind=kind, recipe=recipe),
        partial(agreement, kind=kind, recipe=recipe),
    )


def agreement(run: RunFolder, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Mapping[str, Any]:
    """See `ReviewVerbs.agreement`."""
    from lesionkit.review.server.answers import agreement_document

    session, _ = review(run, ReviewRequest("nobody"), settings, kind, recipe)
    return agreement_document(session)
