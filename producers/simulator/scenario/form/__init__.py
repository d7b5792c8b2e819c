"""The scenario file as people write it: pydantic models, of which schema and reference are made."""
