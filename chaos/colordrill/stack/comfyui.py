"""A client of ComfyUI's HTTP API: what the workload and the probes need of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from colordrill.errors import ServiceProblem
from colordrill.stack.parts import SITE_HEADER

CERTAIN_STATUSES = frozenset({503})
"""Answers of 5xx that prove that nothing was done: the gateway had no site to ask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back and which site the gateway says it came from (None without a gateway)."""

    body: bytes
    site: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A prompt's entry in /history once it has ended.

    Attributes:
        succeeded: status_str is ``success``.
        outputs: ``(subfolder, filename)`` of every saved picture, in node order.
        cached: ids of nodes that were answered from the result cache.
        messages: the error's text when it did not succeed.
        site: the site that answered.
    """

    succeeded: bool
    outputs: tuple[tuple[str, str], ...]
    cached: tuple[str, ...]
    messages: str
    site: str | None


class RequestUncertain(ServiceProblem):
    """The request may or may not have been carried out: a time-out, a connection lost mid-way."""


class ComfyClient:
    """Talks to one ComfyUI base URL; safe to share between threads.

    Every request has a limit of its own. Errors: ServiceProblem when the request certainly was not
    carried out, RequestUncertain when nobody can tell.

    Args:
        base_url: ``http://host:port``.
        timeout_s: limit for connecting and for each read of a request.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 5.0) -> None:
        self.base_url = base_url
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
            # an HTTP proxy of the environment must never stand between a drill and its stack
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def upload(self, name: str, content: bytes, *, timeout_s: float | None = None) -> str:
        """POST /upload/image; returns the name under which the service keeps the photo."""
        response = self._request(
            "POST",
            "/upload/image",
            files={"image": (name, content, "image/png")},
            timeout_s=timeout_s,
        )
        body = _json(response, "/upload/image")
        with _shaped_as_comfyui(response, "/upload/image"):
            if not isinstance(body["name"], str):
                raise TypeError("name is not a text")
            return body["name"]

    def submit(
        self,
        prompt: Mapping[str, Any],
        prompt_id: str,
        *,
        client_id: str | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """POST /prompt; returning means that the job was accepted.

        With *client_id* the WebSocket of that client is told how the job goes.
        """
        body = {"prompt": prompt, "prompt_id": prompt_id}
        if client_id is not None:
            body["client_id"] = client_id
        response = self._request("POST", "/prompt", json=body, timeout_s=timeout_s)
        accepted = _json(response, "/prompt")
        if accepted.get("prompt_id") != prompt_id or accepted.get("node_errors"):
            raise ServiceProblem(f"/prompt answered 200 but {str(accepted)[:300]}", status=200)

    def finished(self, prompt_id: str, *, timeout_s: float | None = None) -> Finished | None:
        """GET /history/{id}: the job's end, or None while there is none."""
        response = self._request("GET", f"/history/{prompt_id}", timeout_s=timeout_s)
        entry = _json(response, "/history").get(prompt_id)
        with _shaped_as_comfyui(response, "/history"):
            return _finished(entry, response.headers.get(SITE_HEADER))

    def view(
        self, folder: str, subfolder: str, filename: str, *, timeout_s: float | None = None
    ) -> Answer:
        """GET /view of ``input`` or ``output``: the file's bytes."""
        response = self._request(
            "GET",
            "/view",
            params={"filename": filename, "subfolder": subfolder, "type": folder},
            timeout_s=timeout_s,
        )
        return Answer(response.content, response.headers.get(SITE_HEADER))

    def save_workflow(self, name: str, content: bytes) -> None:
        """POST /userdata/workflows/NAME."""
        self._request("POST", f"/userdata/{quote(f'workflows/{name}', safe='')}", content=content)

    def read_workflow(self, name: str, *, timeout_s: float | None = None) -> Answer:
        """GET /userdata/workflows/NAME."""
        path = f"/userdata/{quote(f'workflows/{name}', safe='')}"
        response = self._request("GET", path, timeout_s=timeout_s)
        return Answer(response.content, response.headers.get(SITE_HEADER))

    def delete_workflow(self, name: str) -> None:
        """DELETE /userdata/workflows/NAME."""
        self._request("DELETE", f"/userdata/{quote(f'workflows/{name}', safe='')}")

    def jobs_left(self, *, timeout_s: float | None = None) -> int:
        """GET /queue: how many jobs run or wait."""
        response = self._request("GET", "/queue", timeout_s=timeout_s)
        body = _json(response, "/queue")
        with _shaped_as_comfyui(response, "/queue"):
            return len(body["queue_running"]) + len(body["queue_pending"])

    def free_memory(self) -> None:
        """POST /free: drop models, node instances and cached results before the next job."""
        self._request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def forget_jobs(self) -> None:
        """Empty the queue and the history."""
        self._request("POST", "/queue", json={"clear": True})
        self._request("POST", "/history", json={"clear": True})

    def forget_finished(self, prompt_ids: Sequence[str]) -> None:
        """Take these jobs out of the history; ones that are not in it are left alone."""
        self._request("POST", "/history", json={"delete": list(prompt_ids)})

    def system_stats(
        self, *, timeout_s: float | None = None
    ) -> tuple[Mapping[str, Any], str | None]:
        """GET /system_stats and the site that answered."""
        response = self._request("GET", "/system_stats", timeout_s=timeout_s)
        return _json(response, "/system_stats"), response.headers.get(SITE_HEADER)

    def node_class(self, name: str) -> Mapping[str, Any] | None:
        """GET /object_info/NAME: the node's definition, None when the service has no such node."""
        response = self._request("GET", f"/object_info/{quote(name, safe='')}")
        found = _json(response, "/object_info").get(name)
        return found if isinstance(found, dict) else None

    def _request(
        self, method: str, path: str, *, timeout_s: float | None = None, **arguments: Any
    ) -> httpx.Response:
        limit = httpx.USE_CLIENT_DEFAULT if timeout_s is None else httpx.Timeout(timeout_s)
        try:
            response = self._http.request(method, path, timeout=limit, **arguments)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ServiceProblem(f"{method} {path}: no connection: {error}") from error
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise RequestUncertain(f"{method} {path}: {kind} {error}") from error
        if response.is_success:
            return response
        site = response.headers.get(SITE_HEADER)
        said = f"{response.status_code} from {site or 'nobody'}: {response.text[:300]}"
        text = f"{method} {path}: {said}"
        certain = response.status_code in CERTAIN_STATUSES or response.is_client_error
        raise (ServiceProblem if certain else RequestUncertain)(
            text, status=response.status_code, site=site
        )


def _finished(entry: Any, site: str | None) -> Finished | None:
    """A job's entry in /history; None while it has not ended."""
    if not entry or "status" not in entry:
        return None
    messages: list[Any] = entry["status"].get("messages", [])
    return Finished(
        succeeded=entry["status"].get("status_str") == "success",
        outputs=tuple(
            (str(image.get("subfolder", "")), str(image["filename"]))
            for node in entry.get("outputs", {}).values()
            for image in node.get("images", [])
            if image.get("type") == "output"
        ),
        cached=tuple(
            str(node)
            for name, data in messages
            if name == "execution_cached"
            for node in data.get("nodes", [])
        ),
        messages="; ".join(
            str(data.get("exception_message", "")).strip()
            for name, data in messages
            if name == "execution_error"
        ),
        site=site,
    )


@contextmanager
def _shaped_as_comfyui(response: httpx.Response, path: str) -> Iterator[None]:
    """Turn a body that lacks what ComfyUI answers into a ServiceProblem."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ServiceProblem(
            f"{path} answered {response.text[:300]!r}, which is not what ComfyUI answers: {error}",
            "is this address a ComfyUI service?",
            status=response.status_code,
        ) from error


def _json(response: httpx.Response, path: str) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise ServiceProblem(
            f"{path} answered {response.text[:100]!r}, which is not JSON",
            "is this address a ComfyUI service?",
            status=response.status_code,
        ) from error
    if not isinstance(body, dict):
        raise ServiceProblem(
            f"{path} answered a {type(body).__name__} where ComfyUI answers an object",
            "is this address a ComfyUI service?",
            status=response.status_code,
        )
    return body
