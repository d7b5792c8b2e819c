"""Why an answer ended, in the other dialect's words."""

_TO_OPENAI = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}
_TO_OLLAMA = {"stop": "stop", "length": "length", "tool_calls": "stop", "function_call": "stop"}


def to_openai(done_reason: str, *, tools: bool) -> str:
    """Return OpenAI's finish reason; an answer that calls tools ends for that."""
    if tools and done_reason != "length":
        return "tool_calls"
    return _TO_OPENAI.get(done_reason, "stop")


def to_ollama(finish_reason: str) -> str:
    """Return Ollama's done reason; what it has no word for, such as content_filter, keeps its own."""
    return _TO_OLLAMA.get(finish_reason, finish_reason or "stop")
