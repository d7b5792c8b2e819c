"""The backtests of an API: a few at a time, each in a process of its own; the last ones are remembered."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid4

from processors.replay.backtest.answer import Question
from processors.replay.backtest.job import Done, Failed, Running, Step, start
from processors.replay.backtest.run import Sources

MOST_RUNNING = 2
"""Each takes a core and up to half a gigabyte."""

MOST_KEPT = 20
"""Results are a few hundred kilobytes, and some megabytes at most."""

JobState = Literal["running", "done", "failed", "cancelled"]


@dataclass(slots=True)
class Job:
    """A backtest. ``result``: the answer as JSON, when it is done. Times are RFC 3339."""

    id: UUID
    by: str
    created_at: str
    state: JobState = "running"
    finished_at: str = ""
    doing: str = ""
    progress: float = 0.0
    panes: int = 0
    problem: str = ""
    result: bytes | None = None


class Backtests:
    """Starts jobs, follows and ends them; ``kept`` are remembered.

    ``open_sources``: where what is recorded is read.
    """

    def __init__(self, open_sources: Callable[[Question], Sources], kept: int = MOST_KEPT) -> None:
        self._open_sources = open_sources
        self._kept = kept
        self._jobs: dict[UUID, Job] = {}
        self._running: dict[UUID, Running] = {}
        self._following: dict[UUID, asyncio.Task[None]] = {}

    def jobs(self) -> Iterable[Job]:
        """Return the jobs that are remembered, newest first."""
        return list(reversed(self._jobs.values()))

    def get(self, job_id: UUID) -> Job | None:
        """Return a job; None: there is none, or it is forgotten."""
        return self._jobs.get(job_id)

    def start(self, question: Question, by: str) -> Job | None:
        """Start a job; None: too many run already. Starting a process takes some milliseconds."""
        if len(self._running) >= MOST_RUNNING:
            return None
        job = Job(uuid4(), by, _now())
        self._jobs[job.id] = job
        over = [one.id for one in self._jobs.values() if one.id not in self._following and one is not job]
        for job_id in over[: max(0, len(self._jobs) - self._kept)]:
            del self._jobs[job_id]
        self._running[job.id] = start(question, self._open_sources(question))
        self._following[job.id] = asyncio.create_task(self._follow(job))
        return job

    async def cancel(self, job: Job) -> None:
        """End a job that runs; forget one that is over."""
        following = self._following.get(job.id)
        if following is None:
            self._jobs.pop(job.id, None)
            return
        job.state = "cancelled"
        running = self._running[job.id]
        await asyncio.to_thread(running.end)
        await following

    async def close(self) -> None:
        """End all that run."""
        for job in [one for one in self._jobs.values() if one.id in self._following]:
            await self.cancel(job)

    async def _follow(self, job: Job) -> None:
        running = self._running[job.id]
        try:
            while True:
                message = await asyncio.to_thread(running.receive)
                if isinstance(message, Step):
                    job.doing, job.progress, job.panes = message.what, round(message.share, 4), message.panes
                    continue
                self._settle(job, message)
                return
        finally:
            del self._running[job.id], self._following[job.id]
            with suppress(OSError):
                await asyncio.to_thread(running.end)

    def _settle(self, job: Job, message: Done | Failed) -> None:
        job.finished_at, job.doing = _now(), ""
        if job.state == "cancelled":
            return
        if isinstance(message, Done):
            job.state, job.progress, job.result = "done", 1.0, message.body
        else:
            job.state, job.problem = "failed", message.message


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
