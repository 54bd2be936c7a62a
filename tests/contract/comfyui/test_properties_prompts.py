"""Whatever is submitted: answers are of the known kinds, and the worker goes on working."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from PIL import Image

from contract.comfyui.bad_input import json_value
from contract.comfyui.client import CHECKPOINT, COLORIZE, Service

TOP_TYPES = {
    *("no_prompt", "invalid_prompt", "missing_node_type", "prompt_no_outputs"),
    "prompt_outputs_failed_validation",
}
NODE_TYPES = {
    *("required_input_missing", "value_smaller_than_min", "value_bigger_than_max"),
    *("invalid_input_type", "value_not_in_list", "custom_validation_failed"),
    *("return_type_mismatch", "bad_linked_input", "dependency_cycle"),
    *("exception_during_validation", "exception_during_inner_validation"),
}
PHOTO = "properties.png"
IDS = ("1", "2", "3", "4", "5")

JOB_S_MAX = 20.0

# a worker that died is waited for in vain: do not look for a smaller example
gate = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw something good nine times in ten, so that many graphs run."""
    return st.integers(0, 9).flatmap(lambda tenth: bad if tenth == 9 else good)


def usually(value: Any) -> st.SearchStrategy[Any]:
    return mostly(st.just(value), json_value)


def node(class_type: str, **inputs: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # never without "inputs": such a node kills the worker (test_process), as extra_data can
    given_inputs = mostly(st.fixed_dictionaries(inputs), st.fixed_dictionaries({}, optional=inputs))
    named = mostly(st.just(class_type), st.sampled_from(["Unknown", None, 5]))
    return st.fixed_dictionaries({"class_type": named, "inputs": given_inputs})


link = st.tuples(st.sampled_from(IDS), st.sampled_from([0, 1])).map(list)
picture = mostly(mostly(st.just(["1", 0]), link), json_value)
any_node = st.one_of(
    node("LoadImage", image=usually(PHOTO)),
    node("SaveImage", images=picture, filename_prefix=usually("properties")),
    node("PreviewImage", images=picture),
    node(COLORIZE, image=picture, model_input_size=usually(32), checkpoint=usually(CHECKPOINT)),
)
loading = {"class_type": "LoadImage", "inputs": {"image": PHOTO}}
graph = st.dictionaries(st.sampled_from(IDS[1:]), any_node, max_size=4).map(
    lambda nodes: {"1": loading, **nodes}
)


def ensure_working(service: Service, photo: bytes) -> None:
    """Check that the worker still runs jobs, and not only that HTTP answers."""
    load = {"class_type": "LoadImage", "inputs": {"image": service.upload(photo)}}
    show = {"class_type": "PreviewImage", "inputs": {"images": ["load", 0]}}
    entry = service.wait(service.submit({"load": load, "show": show}), JOB_S_MAX)
    assert entry["status"]["status_str"] == "success", entry["status"]


def ensure_known(service: Service, status: int, answer: Any) -> None:
    """Check that an answer to a prompt is one of ComfyUI's."""
    if status == 400:
        assert set(answer["error"]) == {"type", "message", "details", "extra_info"}
        assert answer["error"]["type"] in TOP_TYPES
    for found in dict(answer["node_errors"]).values():
        assert set(found) == {"errors", "dependent_outputs", "class_type"}
        assert {error["type"] for error in found["errors"]} <= NODE_TYPES
    if status == 200:
        messages = service.wait(answer["prompt_id"], JOB_S_MAX)["status"]["messages"]
        assert messages[0][0] == "execution_start"
        assert messages[-1][0] in {"execution_success", "execution_error"}


@pytest.mark.parametrize(
    ("top", "inner"), [("unheard_of", "bad_linked_input"), ("prompt_no_outputs", "unheard_of")]
)
def test_an_unknown_kind_of_error_is_noticed(service: Service, top: str, inner: str) -> None:
    error = {"type": top, "message": "", "details": "", "extra_info": {}}
    node_error = {"errors": [{"type": inner}], "dependent_outputs": [], "class_type": "SaveImage"}
    with pytest.raises(AssertionError):
        ensure_known(service, 400, {"error": error, "node_errors": {"1": node_error}})


@gate
@given(prompt=mostly(graph, json_value))
def test_any_graph_is_run_or_refused(service: Service, photo: bytes, prompt: Any) -> None:
    service.upload(photo, PHOTO, overwrite="true")
    answer = service.post("/prompt", json={"prompt": prompt, "prompt_id": str(uuid.uuid4())})
    assert answer.status_code in {200, 400, 500}
    event(f"answered {answer.status_code}")
    if answer.status_code != 500:
        ensure_known(service, answer.status_code, answer.json())
    ensure_working(service, photo)


@gate
@given(
    route=st.sampled_from(["/prompt", "/queue", "/history", "/free", "/interrupt"]),
    body=json_value.map(json.dumps).map(str.encode) | st.binary(max_size=30),
)
def test_any_body_is_answered(service: Service, photo: bytes, route: str, body: bytes) -> None:
    assert service.post(route, data=body).status_code in {200, 400, 500}
    ensure_working(service, photo)


@gate
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3),
    end=st.integers(0, 10_000),
    mode=st.sampled_from(["RGB", "L", "P", "LA", "RGBA", "1"]),
)
def test_any_damaged_photo_is_loaded_or_an_execution_error(
    service: Service, photo: bytes, changes: list[tuple[int, int]], end: int, mode: str
) -> None:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert(mode).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    for place, value in changes:
        content[place % len(content)] = value
    name = service.upload(bytes(content[: max(end, 1)]))
    load = {"class_type": "LoadImage", "inputs": {"image": name}}
    show = {"class_type": "PreviewImage", "inputs": {"images": ["load", 0]}}
    entry = service.wait(service.submit({"load": load, "show": show}), JOB_S_MAX)
    assert entry["status"]["status_str"] in {"success", "error"}
    ensure_working(service, photo)
