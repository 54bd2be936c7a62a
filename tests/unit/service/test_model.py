"""Tests of ``colorservice.model``: layouts, checkpoint forms, files that are no checkpoints."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from colorservice.model import (
    NANO,
    TINY,
    CheckpointError,
    DDColorNet,
    DeviceError,
    Layout,
    build_model,
    infer_layout,
    load_model,
    load_weights,
    pick_device,
    read_checkpoint,
)

REPOSITORY = Path(__file__).parents[3]
MODELS = REPOSITORY / "fixtures" / "models"
SMALL = Layout(
    (1, 1, 2, 1),
    (8, 16, 24, 32),
    features=32,
    queries=4,
    decoder_layers=2,
    hidden=32,
    feed_forward=64,
)

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def small() -> DDColorNet:
    """A very small network with random weights."""
    return build_model(SMALL, seed=1)


def write_params(state: State, folder: Path) -> Path:
    """The published form: a torch file with the tensors under the key "params"."""
    torch.save({"params": state}, folder / "params.pth")
    return folder / "params.pth"


def write_raw(state: State, folder: Path) -> Path:
    """A torch file that is the state dictionary itself."""
    torch.save(state, folder / "raw.pth")
    return folder / "raw.pth"


def write_safetensors(state: State, folder: Path) -> Path:
    """A safetensors file."""
    save_file(state, folder / "plain.safetensors")
    return folder / "plain.safetensors"


WRITERS = [write_params, write_raw, write_safetensors]


def test_layout_of_any_network_is_read_from_its_shapes(small: DDColorNet) -> None:
    """Every size that a layout names comes back from the state dictionary alone."""
    assert infer_layout(small.state_dict()) == SMALL


@pytest.mark.parametrize(
    "change", [{"feed_forward": 96}, {"depths": (2, 1, 1, 3)}, {"queries": 7}, {"hidden": 64}]
)
def test_layout_tells_networks_apart(change: dict[str, object]) -> None:
    """A network that differs in one size is seen to differ in that size."""
    layout = dataclasses.replace(SMALL, **change)  # type: ignore[arg-type]
    assert infer_layout(build_model(layout).state_dict()) == layout


def test_published_tiny_network_loads_unchanged(tmp_path: Path) -> None:
    """The 55-million-parameter layout loads from the published form, unused classifier and all."""
    state = build_model(TINY, seed=2).state_dict()
    parameters = sum(
        tensor.numel() for name, tensor in state.items() if not name.endswith(("_u", "_v"))
    )
    assert 54_000_000 < parameters < 56_000_000
    state["encoder.arch.head_cls.weight"] = torch.zeros(4, 768)
    model = load_model(write_params(state, tmp_path))
    assert model.layout == TINY
    assert not model.training


@pytest.mark.parametrize("write", WRITERS)
def test_every_form_of_checkpoint_gives_the_same_network(
    write: Callable[[State, Path], Path], small: DDColorNet, tmp_path: Path
) -> None:
    """Torch files with and without "params" and safetensors load to equal outputs."""
    loaded = load_model(write(small.state_dict(), tmp_path))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        assert torch.equal(loaded(image), small(image))


def test_half_precision_is_loaded_as_single(small: DDColorNet, tmp_path: Path) -> None:
    """A file of fp16 tensors becomes a network of fp32 ones; counters stay integers."""
    halves = {
        name: t.half() if t.is_floating_point() else t for name, t in small.state_dict().items()
    }
    state = read_checkpoint(write_safetensors(halves, tmp_path))
    assert {tensor.dtype for tensor in state.values()} == {torch.float32, torch.int64}


def test_missing_file_is_reported_as_missing(tmp_path: Path) -> None:
    """A path without a file is not called corrupt."""
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_model(tmp_path / "absent.pth")


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("damage", ["truncated", "empty", "noise"])
def test_damaged_file_is_refused(
    write: Callable[[State, Path], Path], damage: str, small: DDColorNet, tmp_path: Path
) -> None:
    """Truncated, empty and overwritten files raise the error for checkpoints, in every form."""
    path = write(small.state_dict(), tmp_path)
    content = path.read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "empty": b"", "noise": b"\x13\x37" * 4096}
    path.write_bytes(damaged[damage])
    with pytest.raises(CheckpointError, match=path.name):
        load_model(path)


def test_pickled_code_is_refused(tmp_path: Path) -> None:
    """A file that would run code on loading is refused instead."""
    torch.save({"params": os.system}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match=r"evil\.pth"):
        load_model(tmp_path / "evil.pth")


def test_file_without_tensors_is_refused(tmp_path: Path) -> None:
    """A readable torch file that holds something else is refused."""
    torch.save({"params": {"answer": 42}}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no state dictionary"):
        load_model(tmp_path / "other.pth")


def test_other_architecture_is_refused(tmp_path: Path) -> None:
    """Tensors of some other network are refused, and the first missing name is given."""
    with pytest.raises(CheckpointError, match="refine_net"):
        load_model(write_raw({"conv.weight": torch.zeros(3, 3)}, tmp_path))


def test_incomplete_checkpoint_is_refused(small: DDColorNet, tmp_path: Path) -> None:
    """A single missing tensor is enough to refuse: nothing stays random in silence."""
    state = small.state_dict()
    del state["decoder.layers.1.bn.weight"]
    with pytest.raises(CheckpointError, match=r"decoder\.layers\.1\.bn\.weight"):
        load_model(write_raw(state, tmp_path))


def test_weights_of_another_layout_do_not_fit(small: DDColorNet) -> None:
    """Loading into a network that was built for other sizes is refused."""
    with pytest.raises(CheckpointError, match="does not fit"):
        load_weights(build_model(NANO), small.state_dict())


def test_seed_decides_the_random_weights() -> None:
    """Equal seeds give equal networks, others others; the global generator is left alone."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, again, other = (build_model(SMALL, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(
        first["decoder.color_decoder.query_feat.weight"],
        other["decoder.color_decoder.query_feat.weight"],
    )


def test_unseeded_weights_differ_each_time() -> None:
    """Without a seed two networks differ, as after two starts of the real service."""
    name = "decoder.color_decoder.query_feat.weight"
    assert not torch.equal(
        build_model(SMALL).state_dict()[name], build_model(SMALL).state_dict()[name]
    )


def test_devices() -> None:
    """Case does not matter; an unknown device and a missing GPU are refused, not replaced."""
    assert pick_device("CPU") == torch.device("cpu")
    with pytest.raises(DeviceError, match="expected 'cpu' or 'cuda'"):
        pick_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="no usable CUDA device"):
            pick_device("CUDA")


@pytest.mark.parametrize("name", ["ddcolor_nano", "ddcolor_nano_other"])
def test_bundled_checkpoint_loads(name: str) -> None:
    """The checkpoints in the repository load and have the layout that their manifest says."""
    model = load_model(MODELS / f"{name}.safetensors")
    assert not model.training
    assert sum(parameter.numel() for parameter in model.parameters()) < 3_000_000


def test_import_stays_cheap() -> None:
    """The architecture comes without the packages' registries, torchvision and torch's compiler."""
    code = (
        "import sys; from colorservice.model import Layout, build_model;"
        "build_model(Layout((1, 1, 1, 1), (8, 8, 8, 8), 32, 4, 1, 32, 32));"
        "print(*sorted({'spandrel', 'spandrel_extra_arches', 'torchvision', 'torch._dynamo',"
        " 'torch._inductor', 'sympy', 'cv2', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "service")},
    )
    assert done.stdout.strip() == ""
