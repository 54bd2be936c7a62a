"""Runs ComfyUI's contract against the bundled reference, or against a ComfyUI of your own.

Each option has an environment variable of the same name (``COLORDRILL_SERVICE_URL`` and so on):

``--service-command``   starts it as a process; the suite appends ``--listen``, ``--port`` and
                        ``--base-directory``
``--service-template``  a base directory to start from: the node pack and its checkpoint
``--service-image``     starts it in containers: for the tests that need one, and for all tests
                        when no command is given
``--service-url``       a running one: tests that look behind the API are skipped

The default is the reference: as a process, and as the bundled image where a container matters.
"""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colordrill.stack.runs import owned_run
from colordrill.stack.sweep import remove_run
from contract.comfyui.client import COLORIZE, Service
from contract.comfyui.containers import ImageDeployment
from contract.comfyui.deployment import (
    REFERENCE,
    Deployment,
    ProcessDeployment,
    make_checkpoint,
    make_reference_template,
)

__all__ = ["Service"]

OPTIONS = {
    "--service-url": "contract suite: a running ComfyUI",
    "--service-command": "contract suite: command that starts a ComfyUI",
    "--service-template": "contract suite: base directory with the node pack and its checkpoint",
    "--service-image": "contract suite: container image of a ComfyUI",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; only seen when this folder is named on the command line."""
    for name, text in OPTIONS.items():
        parser.addoption(name, default=None, help=text)


def chosen(config: pytest.Config, name: str) -> str | None:
    """Read an option, or else its environment variable."""
    option = f"service_{name}"
    value = config.getoption(option, default=None) or os.environ.get(f"COLORDRILL_{option.upper()}")
    return str(value) if value else None


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make fresh folders."""
    return lambda: tmp_path_factory.mktemp("comfyui")


@pytest.fixture(scope="session")
def template(pytestconfig: pytest.Config, new_folder: Callable[[], Path]) -> Path:
    """What every base directory starts with."""
    given = chosen(pytestconfig, "template")
    return Path(given) if given else make_reference_template(new_folder())


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, new_folder: Callable[[], Path]) -> Deployment:
    """How further services are started."""
    config = request.config
    if chosen(config, "url"):
        pytest.skip("starts a service of its own: give --service-command or --service-image")
    command = chosen(config, "command")
    if command is None and chosen(config, "image"):
        containers: ImageDeployment = request.getfixturevalue("containers")
        return containers
    parts = shlex.split(command) if command else REFERENCE
    return ProcessDeployment(parts, request.getfixturevalue("template"), new_folder)


@pytest.fixture(scope="session")
def containers(
    request: pytest.FixtureRequest, new_folder: Callable[[], Path]
) -> Iterator[ImageDeployment]:
    """How services are started in containers."""
    config = request.config
    image = chosen(config, "image")
    if image is None and (chosen(config, "url") or chosen(config, "command")):
        pytest.skip("starts a container: give --service-image")
    engine: Any = request.getfixturevalue("engine")
    reference = image or request.getfixturevalue("image_of")("service")
    template = request.getfixturevalue("template")
    with owned_run() as run:
        try:
            yield ImageDeployment(engine, reference, run.id, template, new_folder)
        finally:
            remove_run(run.id)


@pytest.fixture(scope="session")
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service under test, shared by all tests."""
    url = chosen(request.config, "url")
    if url:
        yield with_node(Service(url.rstrip("/")))
        return
    deployment: Deployment = request.getfixturevalue("deployment")
    with deployment.running(deployment.new_base()) as started:
        yield with_node(started)


def with_node(service: Service) -> Service:
    """Check that there is a node that colours."""
    assert service.get(f"/object_info/{COLORIZE}").json(), (
        f"{service.url} has no node {COLORIZE}: install ComfyUI-DDColor there, or name a base "
        "directory that holds it by --service-template"
    )
    return service


@pytest.fixture
def base(service: Service) -> Path:
    """The base directory of the shared service."""
    if service.base is None:
        pytest.skip("looks at the service's disk: give --service-command or --service-image")
    return service.base


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A small PNG with some structure."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((48, 40)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def empty_checkpoint() -> bytes:
    """A checkpoint file in which there are no weights."""
    return make_checkpoint("{'params': {}}")


@pytest.fixture(scope="session")
def bare_checkpoint() -> bytes:
    """A state dictionary as it is, where the node pack wants it under a key."""
    return make_checkpoint("{'refine_net.0.0.bias': torch.zeros(2)}")
