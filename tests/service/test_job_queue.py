"""The job queue where a test through HTTP would take minutes."""

from __future__ import annotations

import json

from colorservice.job_queue import HISTORY_ENTRIES_MAX, Job, JobQueue


def job(number: int) -> Job:
    return (number, f"job-{number:06}", {}, {}, [])


def run_one(queue: JobQueue) -> None:
    taken = queue.take(timeout_s=1)
    assert taken is not None
    queue.finish(taken[0], {"outputs": {}}, {"status_str": "success"})


def test_the_history_forgets_the_oldest_beyond_its_limit() -> None:
    queue = JobQueue(lambda: None)
    for number in range(HISTORY_ENTRIES_MAX + 3):
        queue.put(job(number))
        run_one(queue)
    kept = list(queue.history())
    # one more than the limit: ComfyUI looks before it adds
    assert len(kept) == HISTORY_ENTRIES_MAX + 1
    assert kept[0] == job(2)[1]
    assert kept[-1] == job(HISTORY_ENTRIES_MAX + 2)[1]


def test_what_runs_is_shown_as_it_was_submitted() -> None:
    queue = JobQueue(lambda: None)
    queue.put((1, "id", {"load": {}}, {}, []))
    taken = queue.take(timeout_s=1)
    assert taken is not None
    taken[1][2]["load"]["is_changed"] = ["added while it ran"]
    assert queue.current()[0][0][2] == {"load": {}}


def test_the_history_as_text_says_what_the_history_says() -> None:
    queue = JobQueue(lambda: None)
    for number in range(4):
        queue.put((number, f'id "{number}"', {"load": {"名": number}}, {}, []))
        run_one(queue)
    for chosen in ({}, {"max_items": 2}, {"max_items": 0}, {"max_items": 2, "offset": 1}):
        said = json.loads(queue.history_text(**chosen))
        assert said == json.loads(json.dumps(queue.history(**chosen)))
        assert list(said) == list(queue.history(**chosen))
    queue.clear_history()
    assert json.loads(queue.history_text()) == {}
