"""Reads acknowledged items again after recovery, through the public address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from colordrill.errors import ServiceProblem
from colordrill.history import History
from colordrill.picture import PictureProblem, decode
from colordrill.stack.comfyui import Answer, ComfyClient

NOT_FOUND = 404
OUTPUT = "output/"
PICTURE = ".png"
"""What pictures are called that can be decoded here; of other outputs the bytes are compared."""
READERS = 4
READ_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An item that the service promised to keep; sha256 is None when its bytes were never seen."""

    item: str
    sha256: str | None


def read_back(
    items: Iterable[Acknowledged], client: ComfyClient, history: History, site: str
) -> None:
    """Read every item once and write down what became of it.

    Outcomes: ``present``, ``lost`` (the expected site says that there is no such file), ``corrupt``
    (the bytes differ, or do not decode: outputs also where they are those that the client was
    given), ``unknown`` (it could not be read, or another site
    answered: not the same as lost).

    Args:
        items: what was acknowledged.
        client: the public address.
        history: gets a ``readback`` operation for each.
        site: who must answer.
    """
    with ThreadPoolExecutor(READERS, thread_name_prefix="readback") as pool:
        list(pool.map(lambda item: _read_one(item, client, history, site), items))


def _read_one(acknowledged: Acknowledged, client: ComfyClient, history: History, site: str) -> None:
    operation = history.invoke("readback", item=acknowledged.item)
    try:
        answer = _read(client, acknowledged.item)
    except ServiceProblem as error:
        outcome = "lost" if error.status == NOT_FOUND and error.site == site else "unknown"
        detail = str(error)
    else:
        outcome, detail = _compare(acknowledged, answer, site)
    operation.ok(item=acknowledged.item, outcome=outcome, detail=detail)


def _read(client: ComfyClient, item: str) -> Answer:
    folder, *subfolders, name = item.split("/")
    if folder == "workflows":
        return client.read_workflow(name, timeout_s=READ_LIMIT_S)
    return client.view(folder, "/".join(subfolders), name, timeout_s=READ_LIMIT_S)


def _compare(acknowledged: Acknowledged, answer: Answer, site: str) -> tuple[str, str]:
    if answer.site != site:
        return "unknown", f"answered by {answer.site or 'nobody'}, not by {site}"
    if acknowledged.sha256 is None:
        return _decoded(answer, "decodes; its bytes were never delivered before")
    if hashlib.sha256(answer.body).hexdigest() != acknowledged.sha256:
        return "corrupt", f"{len(answer.body)} bytes, other hash"
    # half a picture, delivered as it is, has the hash of half a picture
    return _decoded(answer, "") if _is_picture(acknowledged.item) else ("present", "")


def _is_picture(item: str) -> bool:
    return item.startswith(OUTPUT) and item.lower().endswith(PICTURE)


def _decoded(answer: Answer, told: str) -> tuple[str, str]:
    """Present, of which *told* is said, only if its picture is whole."""
    try:
        decode(answer.body)
    except PictureProblem as error:
        return "corrupt", f"does not decode: {error}"
    return "present", told
