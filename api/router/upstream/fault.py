"""What an upstream can do wrong, before the first byte of an answer has gone out."""


class Fault(Exception):
    """An attempt came to nothing; another upstream may do better.

    Attributes:
        own: what went wrong in words of the router alone: those of an upstream may repeat a prompt.
        status: what the client is told if none does.
        unreached: the request never got there, so trying again costs nothing.
        died: its answer had begun, though none of it went on.
        dropped: a connection that was kept from an earlier request ended before an answer; the upstream may
            have closed it at that moment, which says nothing of the upstream.
        answer: the body of the upstream's error, where it gave one, of ``content_type``.
        retry_after: what its header of that name said.
    """

    def __init__(
        self,
        message: str,
        *,
        own: str = "",
        status: int = 502,
        unreached: bool = False,
        died: bool = False,
        dropped: bool = False,
        answer: bytes = b"",
        content_type: str = "",
        retry_after: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.own = own or message
        self.status = status
        self.unreached = unreached
        self.died = died
        self.dropped = dropped
        self.answer = answer
        self.content_type = content_type
        self.retry_after = retry_after
