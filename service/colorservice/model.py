"""DDColor networks: their layouts, building them with random weights, and loading checkpoints.

A checkpoint does not say which layout it is for; the shapes of its tensors do. So published DDColor
checkpoints (tiny and large) and this project's nano ones load through the same call. The network is
composed here of the architecture's own parts, because the published class knows a fixed list of
encoder sizes only; its names and its arithmetic are kept, so state dictionaries are interchangeable
with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from colorservice.architecture import import_parts
from colorservice.checkpoint import CheckpointError, read_checkpoint

__all__ = [
    "LARGE",
    "NANO",
    "TINY",
    "CheckpointError",
    "DDColorNet",
    "DeviceError",
    "Layout",
    "build_model",
    "infer_layout",
    "load_model",
    "load_weights",
    "pick_device",
    "read_checkpoint",
]

State = Mapping[str, Tensor]

ALIGNMENT_BYTES = 64
"""Where torch's own allocations begin; the widest vectors of a CPU are no wider."""

_HEADS = 8  # attention heads: the same in every published layout, and not visible in any shape
_RANDOM_FILLS = (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_)


class DeviceError(Exception):
    """The device that was asked for is unknown or not present on this machine."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The sizes that tell one DDColor network from another.

    Attributes:
        depths: blocks in each of the four stages of the ConvNeXt encoder.
        dims: channels of each of the four stages.
        features: width of the pixel decoder (``nf``).
        queries: number of colour queries.
        decoder_layers: layers of the colour decoder.
        hidden: width of the colour decoder; a multiple of 8.
        feed_forward: inner width of the colour decoder's feed-forward layers.
    """

    depths: tuple[int, int, int, int]
    dims: tuple[int, int, int, int]
    features: int = 512
    queries: int = 100
    decoder_layers: int = 9
    hidden: int = 256
    feed_forward: int = 2048


NANO = Layout(
    depths=(1, 2, 3, 2),
    dims=(24, 64, 128, 256),
    features=48,
    queries=16,
    decoder_layers=3,
    hidden=64,
    feed_forward=256,
)
TINY = Layout((3, 3, 9, 3), (96, 192, 384, 768))
LARGE = Layout((3, 3, 27, 3), (192, 384, 768, 1536))


class _NoRandomFill(TorchFunctionMode):
    """While it is entered, tensors that would be filled with random numbers are left as they are.

    For networks whose weights are about to be replaced. Torch's own way, the "meta" device, imports
    its compiler and a computer algebra system, which costs more seconds than it saves.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in _RANDOM_FILLS:
            return args[0]
        return func(*args, **(kwargs or {}))


class _Encoder(nn.Module):
    """A ConvNeXt whose four stage outputs are kept for the decoder."""

    def __init__(self, layout: Layout, convnext: Any, unet: Any) -> None:
        super().__init__()
        self.arch = convnext.ConvNeXt(depths=list(layout.depths), dims=list(layout.dims))
        self.hooks = [unet.Hook(getattr(self.arch, f"norm{stage}")) for stage in range(4)]

    def forward(self, image: Tensor) -> Tensor:
        return cast("Tensor", self.arch(image))


class DDColorNet(nn.Module):
    """DDColor: grey RGB (N, 3, S, S), 0..1, in; Lab's a and b (N, 2, S, S) out; 32 divides S."""

    mean: Tensor
    std: Tensor

    def __init__(self, layout: Layout) -> None:
        """Build the network with random weights, in training mode, on the CPU."""
        super().__init__()
        ddcolor, convnext, unet = import_parts()
        self.layout = layout
        self.encoder = _Encoder(layout, convnext, unet)
        # The decoder sizes itself by what the encoder's hooks have seen: something must pass first.
        with torch.no_grad():
            self.encoder(torch.zeros(1, 3, 32, 32))
        self.decoder = ddcolor.Decoder(
            self.encoder.hooks,
            nf=layout.features,
            last_norm="Spectral",
            dec_layers=0,  # its colour decoder has fixed sizes: kept small here, replaced below
        )
        self.decoder.color_decoder = ddcolor.MultiScaleColorDecoder(
            in_channels=[layout.features, layout.features, layout.features // 2],
            hidden_dim=layout.hidden,
            num_queries=layout.queries,
            nheads=_HEADS,
            dim_feedforward=layout.feed_forward,
            dec_layers=layout.decoder_layers,
            color_embed_dim=layout.features // 2,
        )
        refine = unet.custom_conv_layer(
            layout.queries + 3, 2, ks=1, use_activ=False, norm_type=unet.NormType.Spectral
        )
        self.refine_net = nn.Sequential(refine)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return Lab's a and b (N, 2, S, S) for grey RGB (N, 3, S, S)."""
        normalized = (image - self.mean) / self.std
        self.encoder(normalized)
        features = self.decoder()
        return cast("Tensor", self.refine_net(torch.cat([features, normalized], dim=1)))


def pick_device(name: str) -> torch.device:
    """Turn ``"cpu"`` or ``"cuda"``, in either case, into a device.

    Raises:
        DeviceError: the name is neither, or CUDA is asked for and missing. There is no silent
            fallback to the CPU: a disaster-recovery host without its GPU must be noticed.
    """
    wanted = name.strip().lower()
    if wanted not in {"cpu", "cuda"}:
        message = f"unknown device {name!r}: expected 'cpu' or 'cuda'"
        raise DeviceError(message)
    if wanted == "cuda" and not torch.cuda.is_available():
        message = "device 'cuda' was asked for, but this machine has no usable CUDA device"
        raise DeviceError(message)
    return torch.device(wanted)


def build_model(layout: Layout, device: str = "cpu", seed: int | None = None) -> DDColorNet:
    """Build a network with random weights, in evaluation mode.

    ComfyUI's node does so before it reads its checkpoint.

    Args:
        layout: the sizes of the network.
        device: ``"cpu"`` or ``"cuda"``.
        seed: makes the weights reproducible; ``None`` draws them from torch's global generator.

    Raises:
        DeviceError: see :func:`pick_device`.
    """
    target = pick_device(device)
    if seed is None:
        return DDColorNet(layout).to(target).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DDColorNet(layout).to(target).eval()


def infer_layout(state: State) -> Layout:
    """Tell a network's layout from the shapes in its state dictionary.

    Raises:
        CheckpointError: a tensor that every DDColor has is missing, or the output is not two Lab
            channels.
    """
    try:
        return _layout_from_shapes(state)
    except (KeyError, IndexError) as error:
        message = f"not a DDColor checkpoint with a multi-scale colour decoder: {error} is missing"
        raise CheckpointError(message) from error


def _layout_from_shapes(state: State) -> Layout:
    outputs, inputs = state["refine_net.0.0.weight_orig"].shape[:2]
    if outputs != 2:  # noqa: PLR2004 - Lab's a and b
        message = (
            f"the checkpoint predicts {outputs} channels; only the two of Lab (a, b) are supported"
        )
        raise CheckpointError(message)
    stages = [f"encoder.arch.stages.{stage}" for stage in range(4)]
    depths = cast("tuple[int, int, int, int]", tuple(_count(state, stage) for stage in stages))
    dims = cast(
        "tuple[int, int, int, int]",
        tuple(state[f"{stage}.0.norm.weight"].shape[0] for stage in stages),
    )
    color = "decoder.color_decoder"
    return Layout(
        depths=depths,
        dims=dims,
        features=state["decoder.last_shuf.conv.0.weight_orig"].shape[1] * 2,
        queries=inputs - 3,
        decoder_layers=_count(state, f"{color}.transformer_self_attention_layers"),
        hidden=state[f"{color}.query_feat.weight"].shape[1],
        feed_forward=state[f"{color}.transformer_ffn_layers.0.linear1.weight"].shape[0],
    )


def _count(state: State, prefix: str) -> int:
    """Return how many numbered members a module list has in a state dictionary."""
    start = len(prefix) + 1
    return len({name[start:].split(".")[0] for name in state if name.startswith(f"{prefix}.")})


def load_weights(model: DDColorNet, state: State) -> None:
    """Put a state dictionary into a network of the same layout.

    Raises:
        CheckpointError: tensors are missing, left over, or of other shapes.
    """
    try:
        # Taken over, not copied: the weights are not needed twice. But for what lies askew in its
        # file: kernels round differently there, and one network must give one picture.
        aligned = {name: _aligned(tensor) for name, tensor in state.items()}
        model.load_state_dict(aligned, strict=True, assign=True)
    except RuntimeError as error:
        message = f"the checkpoint does not fit the network: {error}"
        raise CheckpointError(message) from error


def _aligned(tensor: Tensor) -> Tensor:
    return tensor if tensor.data_ptr() % ALIGNMENT_BYTES == 0 else tensor.clone()


def load_model(path: Path, device: str = "cpu") -> DDColorNet:
    """Load a DDColor checkpoint of any layout as an fp32 network ready for inference.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is corrupt or no DDColor.
        DeviceError: see :func:`pick_device`.
    """
    target = pick_device(device)
    state = read_checkpoint(path)
    with _NoRandomFill():
        model = DDColorNet(infer_layout(state))
    load_weights(model, state)
    return model.to(target).eval()
