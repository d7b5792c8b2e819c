"""The worker with the counting stage as a process: ``python -m tests.processors.faust.counting_worker``."""

import faulthandler
import logging
import sys

from processors.faust.worker import serve
from schemas.settings import load_settings
from tests.processors.faust.counting import CountingStage

if __name__ == "__main__":
    faulthandler.enable()
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for name in ("aiokafka", "faust", "mode", "httpx"):
        logging.getLogger(name).setLevel("WARNING")
    sys.exit(serve(load_settings(), [CountingStage()]))
