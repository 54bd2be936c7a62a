"""Whatever a file is called: answers are of the known kinds and nothing is written elsewhere."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.comfyui.bad_input import outside, part, path
from contract.comfyui.client import Service

KINDS = ("input", "output", "temp")
USER = "user/default"

gate = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def test_a_file_outside_is_noticed(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "input" / "deep").mkdir(parents=True)
    before = outside(base, "input")
    (base / "input" / "deep" / "a.png").touch()
    assert outside(base, "input") == before
    (base / "b.png").touch()
    (tmp_path / "c.png").touch()
    assert outside(base, "input") - before == {"b.png", "c.png"}


@gate
@given(
    name=path.filter(bool),
    subfolder=path,
    kind=st.sampled_from(KINDS) | part,
    overwrite=st.sampled_from(["true", "1", "no"]),
    content=st.binary(max_size=50),
)
def test_any_upload_is_stored_in_its_folder_or_refused(
    service: Service, name: str, subfolder: str, kind: str, overwrite: str, content: bytes
) -> None:
    before = outside(service.base, *KINDS)
    form = {"subfolder": subfolder, "type": kind, "overwrite": overwrite}
    answer = service.post("/upload/image", files={"image": (name, content)}, data=form)
    assert answer.status_code in {200, 400, 500}
    if answer.status_code == 200:
        stored = answer.json()
        assert (stored["subfolder"], stored["type"]) == (subfolder, kind)
    assert outside(service.base, *KINDS) == before
    assert service.get("/queue").status_code == 200


@gate
@given(
    stem=st.text(st.characters(categories=("L", "N"), codec="utf-8"), min_size=1, max_size=20),
    content=st.binary(max_size=50),
)
def test_an_upload_with_an_ordinary_name_comes_back(
    service: Service, stem: str, content: bytes
) -> None:
    name = service.upload(content, f"{stem}.bin", subfolder=str(uuid.uuid4()))
    assert name == f"{stem}.bin"
    name = service.upload(content, f"{stem}-{uuid.uuid4()}.bin")
    view = service.get("/view", params={"filename": name, "type": "input"})
    assert (view.status_code, view.content) == (200, content)


@gate
@given(
    name=path,
    subfolder=st.none() | path,
    kind=st.none() | st.sampled_from(KINDS) | part,
    preview=st.none() | part,
    channel=st.none() | st.sampled_from(["rgb", "a", "rgba", ""]),
)
def test_any_view_is_answered(
    service: Service,
    name: str,
    subfolder: str | None,
    kind: str | None,
    preview: str | None,
    channel: str | None,
) -> None:
    where = {"filename": name, "subfolder": subfolder, "type": kind}
    view = service.get("/view", params={**where, "preview": preview, "channel": channel})
    assert view.status_code in {200, 400, 403, 404, 500}
    assert service.get("/queue").status_code == 200


@gate
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    first=path,
    second=st.none() | path,
    query=st.sampled_from(["", "?overwrite=false", "?full_info=true"]),
    below=st.booleans(),
)
def test_any_user_file_is_kept_in_the_users_folder_or_refused(
    service: Service, method: str, first: str, second: str | None, query: str, *, below: bool
) -> None:
    before = outside(service.base, USER)
    start = f"properties-{uuid.uuid4()}/" if below or method == "DELETE" or second else ""
    route = f"/userdata/{quote(start + first, safe='')}"
    if second is not None:
        method, route = "POST", f"{route}/move/{quote(second, safe='')}"
    status = service.raw(method, route + query, b"content")
    assert status in {200, 204, 400, 403, 404, 405, 409, 500}
    assert outside(service.base, USER) == before
    assert service.get("/queue").status_code == 200


@gate
@given(
    route=st.sampled_from(["/userdata?dir=", "/v2/userdata?path="]),
    folder=path,
    more=st.sampled_from(["", "&recurse=true", "&full_info=true", "&split=true"]),
)
def test_any_list_of_user_files_is_answered(
    service: Service, route: str, folder: str, more: str
) -> None:
    before = outside(service.base, USER)
    status = service.raw("GET", f"{route}{quote(folder, safe='')}{more}")
    assert status in {200, 400, 403, 404, 500}
    assert outside(service.base, USER) == before


@gate
@given(
    stem=st.text(st.characters(categories=("L", "N"), codec="utf-8"), min_size=1, max_size=20),
    content=st.binary(max_size=50),
)
def test_a_user_file_with_an_ordinary_name_comes_back(
    service: Service, stem: str, content: bytes
) -> None:
    route = f"/userdata/{quote(f'workflows/{stem}-{uuid.uuid4()}.bin', safe='')}"
    assert service.post(route, data=content).status_code == 200
    assert service.get(route).content == content
