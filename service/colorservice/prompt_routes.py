"""``/prompt``, ``/queue``, ``/history``, ``/interrupt`` and ``/free``.

Bodies are not checked beyond what ComfyUI checks: malformed JSON or a list where a mapping
belongs is answered 500 by the server around the handler, as in the real service.
"""

import json
from typing import Any

from aiohttp import web

from colorservice.state import SERVICE, new_prompt_id
from colorservice.validation import describe, validate_prompt


async def get_prompt(request: web.Request) -> web.Response:
    """Say how many jobs remain."""
    remaining = request.app[SERVICE].queue.remaining()
    return web.json_response({"exec_info": {"queue_remaining": remaining}})


async def post_prompt(request: web.Request) -> web.Response:
    """Validate and enqueue a prompt.

    *Weakness* kept on purpose: an id that was used before is accepted again, and ``extra_data``
    is passed on unseen, so a null there ends the worker.
    """
    service = request.app[SERVICE]
    body = await request.json()
    if "number" in body:
        number = float(body["number"])
    else:
        number = service.take_number(front="front" in body and bool(body["front"]))
    if "prompt" not in body:
        error = describe("no_prompt", "No prompt provided", "No prompt provided")
        return web.json_response({"error": error, "node_errors": {}}, status=400)
    prompt: dict[str, Any] = body["prompt"]
    prompt_id = str(body.get("prompt_id", new_prompt_id()))
    targets = body.get("partial_execution_targets")
    verdict = validate_prompt(prompt, service.settings, targets)
    extra_data = body.get("extra_data", {})
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    if not verdict.valid:
        answer = {"error": verdict.error, "node_errors": verdict.node_errors}
        return web.json_response(answer, status=400)
    service.queue.put((number, prompt_id, prompt, extra_data, verdict.outputs))
    return web.json_response(
        {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
    )


async def get_queue(request: web.Request) -> web.Response:
    """List running and pending jobs."""
    running, pending = request.app[SERVICE].queue.current()
    return web.json_response({"queue_running": running, "queue_pending": pending})


async def post_queue(request: web.Request) -> web.Response:
    """Clear the queue (``clear``) or delete jobs by id (``delete``); unknown ids are ignored."""
    queue = request.app[SERVICE].queue
    body = await request.json()
    if "clear" in body and body["clear"]:  # noqa: RUF019 - a list may come, as in ComfyUI
        queue.clear()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.delete(prompt_id)
    return web.Response(status=200)


async def get_history(request: web.Request) -> web.Response:
    """List finished jobs; ``max_items`` and ``offset`` choose a part."""
    limit = request.query.get("max_items")
    offset = request.query.get("offset")
    found = request.app[SERVICE].queue.history_text(
        None if limit is None else int(limit),
        -1 if offset is None else int(offset),
    )
    return web.json_response(text=found)


async def get_history_entry(request: web.Request) -> web.Response:
    """Return one finished job, ``{}`` with 200 for any other id."""
    prompt_id = request.match_info["prompt_id"]
    return web.json_response(request.app[SERVICE].queue.history_entry(prompt_id))


async def post_history(request: web.Request) -> web.Response:
    """Clear the history (``clear``) or delete entries by id (``delete``)."""
    queue = request.app[SERVICE].queue
    body = await request.json()
    if "clear" in body and body["clear"]:  # noqa: RUF019 - a list may come, as in ComfyUI
        queue.clear_history()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.delete_history(prompt_id)
    return web.Response(status=200)


async def post_interrupt(request: web.Request) -> web.Response:
    """Interrupt what is running, or only the job named by ``prompt_id``; the body is optional."""
    service = request.app[SERVICE]
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = {}
    wanted = body.get("prompt_id")
    running, _pending = service.queue.current()
    if not wanted or any(job[1] == wanted for job in running):
        service.executor.interrupt()
    return web.Response(status=200)


async def post_free(request: web.Request) -> web.Response:
    """Ask the worker to drop its caches (``free_memory``); acted on between two jobs."""
    queue = request.app[SERVICE].queue
    body = await request.json()
    for name in ("unload_models", "free_memory"):
        if body.get(name):
            queue.set_flag(name)
    return web.Response(status=200)


ROUTES = [
    web.get("/prompt", get_prompt),
    web.post("/prompt", post_prompt),
    web.get("/queue", get_queue),
    web.post("/queue", post_queue),
    web.get("/history", get_history),
    web.get("/history/{prompt_id}", get_history_entry),
    web.post("/history", post_history),
    web.post("/interrupt", post_interrupt),
    web.post("/free", post_free),
]
