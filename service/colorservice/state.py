"""The parts of one running service, wired together."""

import shutil
import uuid
from dataclasses import dataclass

from aiohttp import web

from colorservice.execution import Executor
from colorservice.job_queue import JobQueue
from colorservice.settings import UPLOAD_BYTES_MAX, Settings
from colorservice.warmup import Warmup
from colorservice.websocket import Hub
from colorservice.worker import Worker

FEATURES = {"supports_preview_metadata": True, "max_upload_size": UPLOAD_BYTES_MAX}


@dataclass(slots=True)
class Service:
    """What the request handlers share.

    Attributes:
        next_number: the number of the next prompt; counts up from 0 after every start.
    """

    settings: Settings
    hub: Hub
    queue: JobQueue
    executor: Executor
    worker: Worker
    warmup: Warmup
    next_number: int = 0

    @classmethod
    def create(cls, settings: Settings) -> "Service":
        """Wire up a service; nothing runs yet. Previews of an earlier life are removed."""
        shutil.rmtree(settings.temp, ignore_errors=True)
        hub = Hub(dict(FEATURES))
        queue = JobQueue(hub.queue_changed)
        hub.remaining = queue.remaining
        warmup = Warmup(settings)
        executor = Executor(hub, settings, warmup)
        worker = Worker(queue, executor, hub)
        return cls(settings, hub, queue, executor, worker, warmup)

    def take_number(self, *, front: bool) -> int:
        """Return the next prompt's number; negative, and so first, for ``front``."""
        number = self.next_number
        self.next_number += 1
        return -number if front else number


SERVICE = web.AppKey("service", Service)


def new_prompt_id() -> str:
    """Make up an id for a prompt that came without one."""
    return str(uuid.uuid4())
