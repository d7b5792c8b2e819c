"""Whether a request fits in the context: what it needs, what is loaded, what could be."""

from api.router.scoring.load import load_s
from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.term import Rank, Term


def rate(place: Place, policy: Policy, prompt_tokens: int, num_ctx: int | None) -> Term:
    """``value``: the context in tokens. A larger one than is loaded is asked for: the model is loaded anew.

    The prompt's tokens are an estimate, so one that seems too long is unfit only beyond ``context_slack``,
    and then goes there for want of others: the upstream says best itself that it is too long.
    """
    limit = place.most_context if place.most_context is not None else place.context
    if limit is not None and prompt_tokens > limit * policy.context_slack:
        return Term("context_fit", float(limit), rank=Rank.UNFIT)
    loaded = place.context
    if loaded is None or num_ctx is None or num_ctx <= loaded:
        return Term("context_fit", float(loaded) if loaded is not None else float("nan"))
    return Term("context_fit", float(loaded), load_s(place, policy))
