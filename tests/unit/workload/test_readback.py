from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from PIL import Image

from colordrill.history import Event, EventType, History
from colordrill.stack.comfyui import ComfyClient
from colordrill.workload.readback import Acknowledged, read_back
from fakes.service import Reply, ScriptedService

KEPT = b"what the service promised to keep"
SHA256 = hashlib.sha256(KEPT).hexdigest()


def gif() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (1, 1)).save(written, "GIF")
    return written.getvalue()


def outcome_of(
    reply: Reply,
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    item: Acknowledged | None = None,
) -> tuple[str, str]:
    service.answer = lambda _request: reply
    read_back([item or Acknowledged("input/a.png", SHA256)], client, history, "dr")
    (ended,) = [event for event in events if event.type is EventType.OK]
    return ended.data["outcome"], ended.data["detail"]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(200, KEPT, "dr"), "present"),
        (Reply(404, b"", "dr"), "lost"),
        (Reply(200, KEPT[:-1], "dr"), "corrupt"),
        (Reply(200, b"", "dr"), "corrupt"),
        (Reply(200, KEPT + b"\0", "dr"), "corrupt"),
        (Reply(404, b"", "primary"), "unknown"),
        (Reply(404, b"", None), "unknown"),
        (Reply(200, KEPT, "primary"), "unknown"),
        (Reply(200, KEPT, None), "unknown"),
        (Reply(200, b"other", "primary"), "unknown"),
        (Reply(403, b"", "dr"), "unknown"),
        (Reply(500, b"", "dr"), "unknown"),
        (Reply(503, b"", None), "unknown"),
        (Reply(200, KEPT, "dr", cut=True), "unknown"),
        (Reply(hang_up=True), "unknown"),
    ],
)
def test_what_became_of_an_item(
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    reply: Reply,
    outcome: str,
) -> None:
    found, detail = outcome_of(reply, service, client, history, events)

    assert found == outcome
    assert detail or found == "present"


def test_a_service_that_is_not_there_leaves_items_unknown(
    history: History, events: list[Event]
) -> None:
    with ComfyClient("http://127.0.0.1:9", timeout_s=2.0) as nobody:
        read_back([Acknowledged("input/a.png", SHA256)], nobody, history, "dr")

    assert events[-1].data["outcome"] == "unknown"


@pytest.mark.parametrize(
    ("keep", "outcome"), [(1.0, "present"), (0.5, "corrupt"), (0.01, "corrupt"), (0.0, "corrupt")]
)
def test_a_picture_whose_bytes_were_never_seen_must_decode_to_its_end(
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    picture: bytes,
    keep: float,
    outcome: str,
) -> None:
    reply = Reply(200, picture[: int(len(picture) * keep)], "dr")
    item = Acknowledged("output/a.png", None)

    assert outcome_of(reply, service, client, history, events, item)[0] == outcome


@pytest.mark.parametrize(
    ("item", "keep", "outcome"),
    [
        ("output/a.png", 1.0, "present"),
        ("output/a.png", 0.5, "corrupt"),
        ("output/x/A.PNG", 0.99, "corrupt"),
        ("output/a.png", 0.0, "corrupt"),
        ("output/a.json", 0.5, "present"),
        ("output/png", 0.5, "present"),
        ("input/a.png", 0.5, "present"),
        ("workflows/a.png", 0.5, "present"),
    ],
)
def test_half_a_picture_that_was_delivered_as_half_is_corrupt(
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    picture: bytes,
    item: str,
    keep: float,
    outcome: str,
) -> None:
    """Of a photo, and of what is called no picture, the bytes say all."""
    kept = picture[: int(len(picture) * keep)]
    acknowledged = Acknowledged(item, hashlib.sha256(kept).hexdigest())
    found, detail = outcome_of(
        Reply(200, kept, "dr"), service, client, history, events, acknowledged
    )

    assert found == outcome
    assert detail.startswith("does not decode: ") if outcome == "corrupt" else detail == ""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda picture: picture[:-1],
        lambda picture: picture[:-12],
        lambda picture: picture[:-20],
        lambda picture: picture + b"\0" * 5000,
        lambda _: gif(),
    ],
)
def test_a_picture_that_only_a_tolerant_reader_takes_is_corrupt(
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    picture: bytes,
    spoil: Callable[[bytes], bytes],
) -> None:
    reply = Reply(200, spoil(picture), "dr")
    item = Acknowledged("output/a.png", None)

    assert outcome_of(reply, service, client, history, events, item)[0] == "corrupt"


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ("input/a.png", "/view?filename=a.png&subfolder=&type=input"),
        ("output/x/y/a.png", "/view?filename=a.png&subfolder=x%2Fy&type=output"),
        ("workflows/DDColor 人物.json", "/userdata/workflows%2FDDColor%20%E4%BA%BA%E7%89%A9.json"),
        ("input/a&type=output#?.png", "/view?filename=a%26type%3Doutput%23%3F.png"),
    ],
)
def test_each_item_is_asked_for_where_the_service_keeps_it(
    service: ScriptedService,
    client: ComfyClient,
    history: History,
    events: list[Event],
    item: str,
    path: str,
) -> None:
    outcome_of(Reply(200, KEPT, "dr"), service, client, history, events, Acknowledged(item, SHA256))

    assert service.requests[0].path.startswith(path)


def test_every_item_is_read_once_and_duplicates_are_read_twice(
    service: ScriptedService, client: ComfyClient, history: History, events: list[Event]
) -> None:
    service.answer = lambda _request: Reply(200, KEPT, "dr")
    items = [Acknowledged(f"input/{number}.png", SHA256) for number in range(60)]

    read_back([*items, items[0]], client, history, "dr")

    assert len(service.requests) == 61
    ended = [event for event in events if event.type is EventType.OK]
    assert {event.data["outcome"] for event in ended} == {"present"}
    assert len(ended) == 61


def test_nothing_acknowledged_is_nothing_read(history: History, events: list[Event]) -> None:
    with ComfyClient("http://127.0.0.1:9") as nobody:
        read_back([], nobody, history, "dr")

    assert events == []
