"""Reads an answer in one piece."""

from collections.abc import Callable

import aiohttp

from api.router.upstream.answer import Answer
from api.router.upstream.fault import Fault


async def read(response: Answer, upstream: str, *, limit: int, cut: bool, heard: Callable[[], None]) -> bytes:
    """Return the body of an answer.

    Args:
        response: the answer, of which the headers have been read.
        upstream: whose it is, for errors.
        limit: most bytes.
        cut: whether more is left out; otherwise it is a fault.
        heard: called whenever some of it has come.

    Raises:
        Fault: it is too long, or broke off.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while part := await response.readany():
            heard()
            parts.append(part)
            size += len(part)
            if size > limit:
                if cut:
                    break
                raise Fault(f"{upstream} sent more than {limit} bytes")
    except (aiohttp.ClientError, OSError) as exc:
        raise Fault(f"{upstream} broke off in the middle of its answer", died=True) from exc
    return parts[0] if len(parts) == 1 else b"".join(parts)
