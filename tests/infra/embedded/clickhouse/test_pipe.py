import asyncio
import os
import threading

import pytest
import uvloop

from infra.embedded.clickhouse.pipe import pipe


def write_and_close(number: int, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            os.write(number, piece)
    finally:
        os.close(number)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_all_arrives_and_then_the_end(loop: "type[asyncio.AbstractEventLoop]") -> None:
    pieces = [bytes([n]) * 100_000 for n in range(50)]

    async def read() -> bytes:
        with pipe() as (reader, write_end):
            writer = threading.Thread(target=write_and_close, args=(write_end, pieces))
            writer.start()
            read = await reader.read_to(1000)
            while piece := await reader.read():
                read += piece
            writer.join()
            assert reader.ended
            assert await reader.read() == b""
            return read

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(read()) == b"".join(pieces)


def test_the_number_of_a_closed_pipe_may_belong_to_another_file_at_once() -> None:
    """Closing it once more, as uvloop's own pipes do, would close a table's file under the engine."""

    async def reuse() -> None:
        with pipe() as (reader, write_end):
            write_and_close(write_end, [b"x"])
            assert await reader.read_to(10) == b"x"
        reused = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
        await asyncio.sleep(0)
        for number in reused:
            os.fstat(number)
            os.close(number)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(reuse())
