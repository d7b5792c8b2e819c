"""Any server with OpenAI's interface: that it answers and which models it names; it tells nothing more."""

from collections.abc import Mapping
from typing import Any

from producers.node.runtimes.http import BadAnswer, RuntimeHttp, items, number, text
from producers.node.runtimes.runtime import Description, Live
from schemas.events.node_registered import AvailableModel
from schemas.events.node_sample import LoadedModel

# More names than these are a catalogue of a gateway, not what a node serves.
MOST_MODELS = 1000


def listed(answer: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - whatever JSON holds
    """Return the models of an answer to ``/v1/models``, each with an id.

    Raises:
        BadAnswer: it is no such list.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise BadAnswer("the answer to /v1/models is no list of models")
    return [each for each in items(answer["data"]) if text(each.get("id"))][:MOST_MODELS]


def serving(models: list[Mapping[str, Any]]) -> Description:
    """Return a server that has in memory whatever it names; ``max_model_len`` is vLLM's."""
    return Description(
        loaded=tuple(
            LoadedModel(text(each["id"]), context_length=number(each.get("max_model_len"))) for each in models
        ),
        available=tuple(
            AvailableModel(
                text(each["id"]), "", "", "", loaded=True, context_length=number(each.get("max_model_len"))
            )
            for each in models
        ),
    )


class OpenAiCompatible:
    """Health and models."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Ask for the models: not every server has a path for its health."""
        listed(await http.value("/v1/models"))
        return Live()

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return the models; whether one is in memory or fetched on demand is not told."""
        return serving(listed(await http.value("/v1/models")))
