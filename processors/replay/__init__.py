"""The log once more: facts from any source through the same stages, compared with what was said live."""
