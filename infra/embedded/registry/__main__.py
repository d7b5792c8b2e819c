"""The registry with the settings of the environment: ``python -m infra.embedded.registry``."""

import logging
import sys

from infra.embedded.registry.server import serve
from schemas.errors import PenstockError
from schemas.settings import load_settings

if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    try:
        sys.exit(serve(load_settings()))
    except PenstockError as exc:
        sys.exit(f"penstock: {exc}")
