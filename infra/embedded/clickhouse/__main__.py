"""The store with the settings of the environment: ``python -m infra.embedded.clickhouse``."""

import logging
import sys

from infra.embedded.clickhouse.server import serve
from schemas.errors import ConfigError, PenstockError
from schemas.settings import load_settings

if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(message)s")
    try:
        serve(load_settings())
    except PenstockError as exc:
        print(f"penstock: {exc}", file=sys.stderr)
        sys.exit(2 if isinstance(exc, ConfigError) else 1)
