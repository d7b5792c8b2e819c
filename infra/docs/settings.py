"""The table of settings in ``README.md``."""

from collections.abc import Iterator

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from infra.docs.markdown import table
from schemas.settings import Settings
from schemas.settings.load import variable


def render() -> str:
    """Return the table: name in the environment, default, meaning. Names in TOML follow from those."""
    rows = [
        (f"`{variable(name)}`", _default(name, field), field.description or "") for name, field in fields()
    ]
    return table(("name", "default", "meaning"), rows)


def fields(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the dotted name and the declaration of every setting."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "the user's data folder"  # differs from system to system
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr) or value in ("", None, {}, ()):
        return ""
    return f"`{value}`"
