"""Published DDColor networks, tiny and large: the published class's numbers, and their files."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from colorservice.model import (
    LARGE,
    TINY,
    CheckpointError,
    _NoRandomFill,
    build_model,
    load_model,
)

State = dict[str, Tensor]
GREY = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(3)).expand(-1, 3, -1, -1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads that wait for each other on a busy machine take many times as long as one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny() -> State:
    """The state of a tiny network with random weights, its normalisations settled."""
    model = build_model(TINY, seed=2).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # a plain average: settled after the first pass
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for _ in range(3):  # without it, random weights make numbers of any magnitude
            model(torch.rand(2, 1, 64, 64, generator=generator).expand(-1, 3, -1, -1))
    return dict(model.state_dict())


@pytest.fixture(scope="module")
def published(tiny: State) -> torch.nn.Module:
    """The same weights in spandrel's own class."""
    from spandrel_extra_arches.architectures.DDColor import (  # noqa: PLC0415 (takes seconds)
        DDColorArch,
    )

    with _NoRandomFill():
        descriptor = DDColorArch().load(dict(tiny))
    model: torch.nn.Module = descriptor.model
    return model.eval()


def test_numbers_are_those_of_the_published_class(
    tiny: State, published: torch.nn.Module, tmp_path: Path
) -> None:
    """Equal to the last bit, in both memory layouts; a single changed tensor is seen."""
    torch.save({"params": tiny}, tmp_path / "tiny.pth")
    ours = load_model(tmp_path / "tiny.pth")
    with torch.inference_mode():
        for layout in (torch.contiguous_format, torch.channels_last):
            grey = GREY.contiguous(memory_format=layout)
            assert torch.equal(ours(grey), published(grey))
        assert 0.01 < ours(GREY).std() < 1e4
        ours.get_parameter("refine_net.0.0.bias").add_(1.0)
        assert not torch.equal(ours(GREY), published(GREY))


@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_half_precision_files_of_the_tiny_network_load(
    tiny: State, form: str, tmp_path: Path
) -> None:
    """As model files for ComfyUI are often passed on: everything in fp16."""
    halves = {name: t.half() if t.is_floating_point() else t for name, t in tiny.items()}
    path = tmp_path / f"tiny.{form}"
    if form == "pth":
        torch.save(halves, path)
    else:
        save_file(halves, path)
    model = load_model(path)
    assert model.layout == TINY
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert torch.equal(
        model.state_dict()["refine_net.0.0.bias"], halves["refine_net.0.0.bias"].float()
    )


def test_the_large_network_loads_from_the_published_form_and_colours(tmp_path: Path) -> None:
    """228 million parameters; each tensor of the file is one number, repeated, to spare memory."""
    with _NoRandomFill():
        shapes = {name: (t.shape, t.dtype) for name, t in build_model(LARGE).state_dict().items()}
    generator = torch.Generator().manual_seed(4)
    state = {
        name: (torch.rand((), generator=generator) * 0.01 + 0.01).to(dtype).expand(shape)
        for name, (shape, dtype) in shapes.items()
    }
    state["encoder.arch.head_cls.weight"] = torch.zeros(1).expand(4, 1536)
    torch.save({"params": state}, tmp_path / "large.pth")
    model = load_model(tmp_path / "large.pth")
    assert model.layout == LARGE
    assert 225e6 < sum(each.numel() for each in model.parameters()) < 231e6
    with torch.inference_mode():
        color = model(GREY)
    assert color.shape == (1, 2, 64, 64)
    assert torch.isfinite(color).all()


def test_a_network_with_another_number_of_outputs_is_refused(tiny: State, tmp_path: Path) -> None:
    """DDColor can be trained to predict RGB; this pipeline needs a and b."""
    wrong = tiny | {"refine_net.0.0.weight_orig": torch.zeros(3, 103, 1, 1)}
    torch.save({"params": wrong}, tmp_path / "rgb.pth")
    with pytest.raises(CheckpointError, match="predicts 3 channels"):
        load_model(tmp_path / "rgb.pth")


@pytest.mark.parametrize(
    "absent",
    ["decoder.color_decoder.query_feat.weight", "decoder.last_shuf.conv.0.weight_orig"],
    ids=["single-scale decoder", "another normalisation"],
)
def test_other_kinds_of_ddcolor_are_refused_by_name(
    tiny: State, absent: str, tmp_path: Path
) -> None:
    """The architecture has variants that nobody published weights for; the message says which."""
    torch.save({name: t for name, t in tiny.items() if name != absent}, tmp_path / "kind.pth")
    with pytest.raises(CheckpointError, match=absent.replace(".", r"\.")):
        load_model(tmp_path / "kind.pth")


class Touch:
    """Unpickled, it makes a file: stands for whatever an attacker would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare pickle"])
def test_code_in_a_checkpoint_never_runs(tmp_path: Path, form: str) -> None:
    """Refused in each form that torch reads, and without a trace."""
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    content = {"params": {"weight": Touch(trace)}}
    if form == "bare pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CheckpointError, match=r"evil\.pth"):
        load_model(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(content))  # noqa: S301 (our own bytes: they would have run)
    assert trace.exists()
