"""POST /prompt: what is refused, and in which words."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from contract.comfyui.client import Service

REMOVED = object()


@pytest.fixture(scope="module")
def stored(service: Service, photo: bytes) -> str:
    return service.upload(photo)


def refused(service: Service, prompt: Any) -> dict[str, Any]:
    answer = service.post("/prompt", json={"prompt": prompt, "prompt_id": str(uuid.uuid4())})
    assert answer.status_code == 400, answer.text
    return dict(answer.json())


def errors_of(answer: dict[str, Any], node_id: str) -> list[str]:
    return [error["type"] for error in answer["node_errors"][node_id]["errors"]]


def test_a_body_without_a_prompt_is_no_prompt(service: Service) -> None:
    answer = service.post("/prompt", json={"client_id": "x"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "no_prompt"
    assert set(answer.json()["error"]) == {"type", "message", "details", "extra_info"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1,", b"nonsense"])
def test_malformed_json_is_500_and_the_service_goes_on(service: Service, body: bytes) -> None:
    assert service.post("/prompt", data=body).status_code == 500
    assert service.get("/queue").status_code == 200


def test_an_unknown_class_is_refused_for_the_whole_prompt(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    prompt["odd"] = {"class_type": "NoSuchNode", "inputs": {}}
    answer = refused(service, prompt)
    assert answer["error"]["type"] in {"invalid_prompt", "missing_node_type"}
    assert "NoSuchNode" in str(answer["error"])


def test_a_node_without_a_class_is_refused(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    del prompt["load"]["class_type"]
    answer = refused(service, prompt)
    assert answer["error"]["type"] in {"invalid_prompt", "missing_node_type"}


@pytest.mark.parametrize("keep", [[], ["load"], ["load", "color0"]])
def test_a_prompt_without_outputs_is_refused(
    service: Service, stored: str, keep: list[str]
) -> None:
    prompt = {name: node for name, node in service.prompt(stored).items() if name in keep}
    assert refused(service, prompt)["error"]["type"] == "prompt_no_outputs"


@pytest.mark.parametrize(
    ("node", "field", "value", "expected"),
    [
        ("save", "images", REMOVED, "required_input_missing"),
        ("load", "image", REMOVED, "exception_during_inner_validation"),
        ("load", "image", 5, "exception_during_inner_validation"),
        ("load", "image", ["load", 0], "exception_during_inner_validation"),
        ("color0", "model_input_size", 31, "value_smaller_than_min"),
        ("color0", "model_input_size", -(10**30), "value_smaller_than_min"),
        ("color0", "model_input_size", 4097, "value_bigger_than_max"),
        ("color0", "model_input_size", 10**300, "value_bigger_than_max"),
        ("color0", "model_input_size", "large", "invalid_input_type"),
        ("color0", "model_input_size", None, "invalid_input_type"),
        ("color0", "model_input_size", {"a": 1}, "invalid_input_type"),
        ("color0", "checkpoint", "../../input/x.pth", "value_not_in_list"),
        ("color0", "checkpoint", "", "value_not_in_list"),
        ("color0", "checkpoint", None, "value_not_in_list"),
        ("load", "image", "no such photo.png", "custom_validation_failed"),
        ("load", "image", "../no/such/photo.png", "custom_validation_failed"),
        ("load", "image", "/no/such/photo.png", "custom_validation_failed"),
        ("load", "image", "a\0b.png", "custom_validation_failed"),
        ("save", "images", ["load", 1], "return_type_mismatch"),
        ("save", "images", ["load"], "bad_linked_input"),
        ("save", "images", ["load", 0, 0], "bad_linked_input"),
        ("save", "images", [], "bad_linked_input"),
        ("save", "images", ["absent", 0], "exception_during_validation"),
        ("save", "images", ["load", 7], "exception_during_validation"),
        ("save", "images", ["load", "first"], "exception_during_validation"),
        ("save", "images", [["load"], 0], "exception_during_validation"),
    ],
)
def test_each_error_is_reported_at_its_node(
    service: Service, stored: str, node: str, field: str, value: Any, expected: str
) -> None:
    prompt = service.prompt(stored)
    prompt[node]["inputs"][field] = value
    if value is REMOVED:
        del prompt[node]["inputs"][field]
    answer = refused(service, prompt)
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    assert expected in errors_of(answer, node)
    entry = answer["node_errors"][node]
    assert entry["dependent_outputs"] == ["save"]
    assert entry["class_type"] == prompt[node]["class_type"]


def test_an_error_upstream_leaves_the_details_empty(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    prompt["load"]["inputs"]["image"] = "absent.png"
    answer = refused(service, prompt)
    assert answer["error"]["details"] == ""
    assert list(answer["node_errors"]) == ["load"]


def test_a_broken_link_deeper_down_is_an_inner_exception(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    prompt["color0"]["inputs"]["image"] = ["absent", 0]
    answer = refused(service, prompt)
    assert "exception_during_inner_validation" in errors_of(answer, "color0")


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_cycle_is_refused_without_a_word_about_it(
    service: Service, stored: str, steps: int
) -> None:
    prompt = service.prompt(stored, steps=steps)
    prompt["color0"]["inputs"]["image"] = [f"color{steps - 1}", 0]
    answer = refused(service, prompt)
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    assert (answer["error"]["details"], answer["node_errors"]) == ("", {})


def test_a_cycle_beside_a_valid_output_is_left_out(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    prompt["color0"]["inputs"]["image"] = ["color0", 0]
    inputs = {"images": ["load", 0], "filename_prefix": f"contract-{uuid.uuid4()}"}
    prompt["plain"] = {"class_type": "SaveImage", "inputs": inputs}
    assert set(service.run(prompt)["outputs"]) == {"plain"}


def chain(service: Service, stored: str, steps: int) -> dict[str, Any]:
    """A chain of nodes that is refused at its end at least, so that it never runs."""
    prompt = service.prompt(stored, steps=steps)
    del prompt["save"]["inputs"]["filename_prefix"]
    return prompt


def test_a_chain_of_900_nodes_is_followed_to_its_end(service: Service, stored: str) -> None:
    answer = refused(service, chain(service, stored, 900))
    assert list(answer["node_errors"]) == ["save"]
    assert errors_of(answer, "save") == ["required_input_missing"]


def test_a_chain_of_1200_nodes_is_an_inner_exception_and_the_service_goes_on(
    service: Service, stored: str
) -> None:
    answer = refused(service, chain(service, stored, 1200))
    inner = answer["node_errors"].keys() - {"save"}
    assert [errors_of(answer, node) for node in inner] == [["exception_during_inner_validation"]]
    assert service.get("/system_stats").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "no_prompt"),
        ([], "no_prompt"),
        ("text", "no_prompt"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"prompt": []}, "prompt_no_outputs"),
        ({"prompt": ""}, "prompt_no_outputs"),
        ({"prompt": {"1": {}}}, "invalid_prompt"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(service: Service, body: Any, kind: str) -> None:
    answer = service.post("/prompt", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] in {kind, "missing_node_type"}


@pytest.mark.parametrize(
    "body",
    [
        5,
        ["prompt"],
        "prompt",
        *({"prompt": prompt} for prompt in (None, 5, "text", [1], {"1": 5}, {"1": None})),
        {"prompt": {"1": {"class_type": ["LoadImage"]}}},
        {"prompt": {}, "number": "many"},
        {"prompt": {}, "extra_data": None, "client_id": "x"},
    ],
)
def test_a_body_that_makes_no_sense_is_500_and_the_service_goes_on(
    service: Service, body: Any
) -> None:
    assert service.post("/prompt", json=body).status_code == 500
    assert service.get("/queue").status_code == 200


def test_a_partly_valid_prompt_runs_its_valid_outputs(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    prompt["other"] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "other"}}
    answer = service.post("/prompt", json={"prompt": prompt, "prompt_id": str(uuid.uuid4())})
    assert answer.status_code == 200
    assert errors_of(answer.json(), "other") == ["required_input_missing"]
    entry = service.wait(answer.json()["prompt_id"])
    assert entry["status"]["status_str"] == "success"
    assert set(entry["outputs"]) == {"save"}


def test_values_are_converted_in_what_runs_and_in_the_history(
    service: Service, stored: str
) -> None:
    prompt = service.prompt(stored)
    prompt["color0"]["inputs"]["model_input_size"] = "64"
    prompt["save"]["inputs"]["filename_prefix"] = {"__value__": 17}
    entry = service.run(prompt)
    assert entry["outputs"]["save"]["images"][0]["filename"].startswith("17_")
    ran = entry["prompt"][2]
    assert ran["color0"]["inputs"]["model_input_size"] == 64
    assert ran["save"]["inputs"]["filename_prefix"] == "17"


def test_a_step_is_not_enforced(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    step = service.get("/object_info/DDColor_Colorize").json()["DDColor_Colorize"]["input"]
    assert step["required"]["model_input_size"][1]["step"] == 32
    prompt["color0"]["inputs"]["model_input_size"] = 65
    answer = service.post("/prompt", json={"prompt": prompt, "prompt_id": str(uuid.uuid4())})
    assert (answer.status_code, answer.json()["node_errors"]) == (200, {})
    service.wait(answer.json()["prompt_id"])


def test_only_the_outputs_asked_for_run(service: Service, stored: str) -> None:
    prompt = service.prompt(stored)
    inputs = {"images": ["load", 0], "filename_prefix": f"contract-{uuid.uuid4()}"}
    prompt["plain"] = {"class_type": "SaveImage", "inputs": inputs}
    entry = service.run(prompt, partial_execution_targets=["plain"])
    assert set(entry["outputs"]) == {"plain"}
