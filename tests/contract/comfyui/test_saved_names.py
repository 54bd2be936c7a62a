"""SaveImage: the number of the next picture, and the folder that a prefix names."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest

from contract.comfyui.client import Service


def fresh() -> str:
    return str(uuid.uuid4())


def submit_save(service: Service, photo: bytes, prefix: str) -> dict[str, Any]:
    """Save a photo under a fresh name as it is, and return the job's history entry."""
    load = {"class_type": "LoadImage", "inputs": {"image": service.upload(photo, f"{fresh()}.png")}}
    inputs = {"images": ["load", 0], "filename_prefix": prefix}
    return service.run({"load": load, "save": {"class_type": "SaveImage", "inputs": inputs}})


def save(service: Service, photo: bytes, prefix: str) -> dict[str, str]:
    """Save a photo and return what is said of the picture."""
    entry = submit_save(service, photo, prefix)
    assert entry["status"]["status_str"] == "success", entry["status"]
    (picture,) = entry["outputs"]["save"]["images"]
    return dict(picture)


def plant(service: Service, photo: bytes, name: str, subfolder: str = "") -> None:
    """Put a file into the output folder."""
    stored = service.upload(photo, name, type="output", subfolder=subfolder, overwrite="true")
    assert stored == name


def test_numbers_start_at_one_and_go_up(service: Service, photo: bytes) -> None:
    prefix = fresh()
    assert save(service, photo, prefix)["filename"] == f"{prefix}_00001_.png"
    assert save(service, photo, prefix)["filename"] == f"{prefix}_00002_.png"


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ("{}_00041_.png", "{}_00042_.png"),
        ("{}_7_anything.txt", "{}_00008_.png"),
        ("{}_100000_.png", "{}_100001_.png"),
        ("{}_-3_.png", "{}_-0002_.png"),
        ("{}_x_00009_.png", "{}_00001_.png"),
        ("{}x_00009_.png", "{}_00001_.png"),
        ("{}_.png", "{}_00001_.png"),
        ("{}_9.png", "{}_00001_.png"),
    ],
)
def test_the_next_number_is_the_highest_one_of_the_folder_plus_one(
    service: Service, photo: bytes, existing: str, expected: str
) -> None:
    prefix = fresh()
    plant(service, photo, existing.format(prefix))
    assert save(service, photo, prefix)["filename"] == expected.format(prefix)


def test_each_folder_has_its_own_numbers(service: Service, photo: bytes) -> None:
    folder = fresh()
    save(service, photo, f"{folder}/a/b")
    assert save(service, photo, f"{folder}/b") == {
        "filename": "b_00001_.png",
        "subfolder": folder,
        "type": "output",
    }
    picture = save(service, photo, f"{folder}/./x/../a//b")
    assert (picture["filename"], picture["subfolder"]) == ("b_00002_.png", f"{folder}/a")


def test_a_prefix_can_tell_size_and_time(service: Service, photo: bytes) -> None:
    prefix = fresh()
    picture = save(service, photo, f"{prefix}/%width%x%height%-%year%%month%%day%-%other%")
    size, date, other = picture["filename"].split("-", 2)
    assert size == "48x40"
    assert datetime.strptime(date, "%Y%m%d").astimezone()
    assert other == "%other%_00001_.png"
    picture = save(service, photo, f"{prefix}/%hour%%minute%%second%")
    assert datetime.strptime(picture["filename"].split("_")[0], "%H%M%S").astimezone()


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("{}/", "{}_00001_.png"), ("{}%batch_num%", "{}0_00001_.png"), ("{}/../", "._00001_.png")],
)
def test_a_prefix_that_is_not_the_files_own_name_replaces_the_picture(
    service: Service, photo: bytes, prefix: str, expected: str
) -> None:
    name = fresh()
    for _ in range(2):
        picture = save(service, photo, prefix.format(name))
        assert (picture["filename"], picture["subfolder"]) == (expected.format(name), "")


@pytest.mark.parametrize(
    "prefix", ["../escaped", "/etc/escaped", "a/../../escaped", "../outputs/x"]
)
def test_a_prefix_that_leaves_the_output_folder_is_an_execution_error(
    service: Service, photo: bytes, prefix: str
) -> None:
    status = submit_save(service, photo, prefix)["status"]
    assert status["status_str"] == "error"
    (error,) = [data for kind, data in status["messages"] if kind == "execution_error"]
    assert error["exception_type"] == "Exception"
    assert "Saving image outside the output folder is not allowed" in error["exception_message"]


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [("n" * 300, "OSError"), ("a\0b", "ValueError"), ("{}_00001_.png/x", "NotADirectoryError")],
)
def test_a_prefix_that_can_be_no_name_is_an_execution_error(
    service: Service, photo: bytes, prefix: str, kind: str
) -> None:
    name = fresh()
    save(service, photo, name)
    status = submit_save(service, photo, prefix.format(name))["status"]
    (error,) = [data for kind, data in status["messages"] if kind == "execution_error"]
    assert error["exception_type"] == kind
    assert error["node_type"] == "SaveImage"
