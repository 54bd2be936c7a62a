"""Tests of ``colorservice.pipeline`` and ``colorservice.color``."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from colorservice.color import lightness, lightness_as_float, resize, rgb_from_lab
from colorservice.model import DDColorNet, DeviceError, Layout, build_model, load_model
from colorservice.pipeline import Image, colorize, denoise, network_input, to_uint8

FIXTURES = Path(__file__).parents[3] / "fixtures"
SMALL = Layout(
    (1, 1, 1, 1),
    (8, 16, 24, 32),
    features=32,
    queries=4,
    decoder_layers=1,
    hidden=32,
    feed_forward=64,
)


@pytest.fixture(scope="module")
def model() -> DDColorNet:
    """A very small network with random weights."""
    return build_model(SMALL, seed=1)


def noise(height: int, width: int, *, grey: bool = False) -> Image:
    """A picture of reproducible noise."""
    values = np.random.default_rng(7).random((height, width, 1 if grey else 3), dtype=np.float32)
    return np.repeat(values, 3, axis=-1) if grey else values


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (33, 64), (101, 57)])
def test_output_keeps_the_size_of_the_input(model: DDColorNet, shape: tuple[int, int]) -> None:
    """Odd and tiny pictures come back at their own size, within 0..1."""
    result = colorize(model, noise(*shape), 64)
    assert result.shape == (*shape, 3)
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1


def test_coloring_is_deterministic(model: DDColorNet) -> None:
    """The same picture gives the same bits twice."""
    assert np.array_equal(colorize(model, noise(40, 50), 64), colorize(model, noise(40, 50), 64))


class Uncolored(DDColorNet):
    """A network that predicts no colour."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1, 2, *image.shape[-2:])


def test_lightness_of_the_input_is_kept() -> None:
    """L comes from the picture at its full size, not from what the network saw."""
    image = noise(70, 50, grey=True)
    result = colorize(Uncolored(SMALL), image, 32)
    assert np.abs(result - image).max() < 2e-3


def test_color_of_the_input_does_not_reach_the_network() -> None:
    """The network sees a grey picture, whatever comes in."""
    seen = network_input(noise(20, 30), 32)
    assert seen.shape == (1, 3, 32, 32)
    assert (seen.amax(dim=1) - seen.amin(dim=1)).max() < 1e-4


def test_grey_and_general_paths_agree() -> None:
    """The short cut for colourless pictures gives exactly the numbers of the general way."""
    grey = noise(45, 31, grey=True)
    nearly = grey.copy()
    nearly[0, 0, 0] = 1 - nearly[0, 0, 0]
    assert np.array_equal(lightness(grey)[1:], lightness(nearly)[1:])
    assert torch.equal(network_input(grey, 96)[..., 8:, 8:], network_input(nearly, 96)[..., 8:, 8:])


def test_colors_are_spread_by_nearest_neighbour(model: DDColorNet) -> None:
    """On flat grey, the result has blocks of equal colour: no bilinear ramp between them."""
    result = colorize(model, np.full((256, 256, 3), 0.5, dtype=np.float32), 32)
    blocks = result.reshape(32, 8, 32, 8, 3)
    assert np.array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))


@pytest.mark.parametrize("size", [0, -32, 16, 100, 460, 680])
def test_size_that_is_no_multiple_of_32_is_refused(model: DDColorNet, size: int) -> None:
    """The sizes at which the real node fails are refused."""
    with pytest.raises(ValueError, match="multiple of 32"):
        colorize(model, noise(8, 8), size)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 4), (0, 8, 3), (1, 8, 8, 3)])
def test_other_shapes_are_refused(model: DDColorNet, shape: tuple[int, ...]) -> None:
    """Pictures without exactly three channels are the caller's to convert."""
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        colorize(model, np.zeros(shape, dtype=np.float32), 64)


def test_missing_device_is_refused(model: DDColorNet) -> None:
    """A missing GPU does not turn into the CPU."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(DeviceError):
        colorize(model, noise(8, 8), 64, device="cuda")


# sRGB bytes, Lab L by the float conversion of OpenCV 4.14 and 5.0 (a few values, recorded once).
OPENCV_LIGHTNESS = {
    (255, 255, 255): 100.0,
    (0, 0, 0): 0.0,
    (128, 128, 128): 53.582764,
    (255, 0, 0): 53.240967,
    (12, 200, 99): 70.97168,
    # next to corners of its table whose cube root is cut off and not rounded
    (135, 113, 134): 50.195312,
    (15, 163, 33): 58.36792,
    (207, 238, 73): 89.20288,
}


@pytest.mark.parametrize("pixel", OPENCV_LIGHTNESS)
def test_lightness_is_that_of_the_real_node(pixel: tuple[int, int, int]) -> None:
    """L equals what the real node's image library gives, its table's rounding included."""
    image = np.array([[pixel]], dtype=np.float32) / np.float32(255)
    assert lightness_as_float(lightness(image))[0, 0] == pytest.approx(
        OPENCV_LIGHTNESS[pixel], abs=1e-5
    )


# Lab to RGB by OpenCV 5.0's float conversion, in cells of its gamma spline that double precision
# gets wrong by a bit (recorded once).
OPENCV_DARK_RGB = {
    (3.351759672164917, -7.344208240509033, -1.665716290473938): (0.0, 0.065673746, 0.059468504),
    (17.56900978088379, -17.200817108154297, -41.2817268371582): (0.0, 0.20816393, 0.40475777),
    (25.184110641479492, -12.140642166137695, 3.9833438396453857): (
        0.16099283,
        0.2535865,
        0.20939061,
    ),
}


@pytest.mark.parametrize("lab", OPENCV_DARK_RGB)
def test_dark_colors_are_those_of_the_real_node(lab: tuple[float, float, float]) -> None:
    """Equal to the last bit: what the network sees depends on it."""
    light, a, b = np.array(lab, dtype=np.float32)
    found = rgb_from_lab(np.array([[light]]), np.array([[[a, b]]]))[0, 0]
    assert found.tolist() == np.array(OPENCV_DARK_RGB[lab], dtype=np.float32).tolist()


# What OpenCV 5.0 makes of an a and b without a number: a network without its weights may answer so.
OPENCV_LIMITLESS_RGB = [
    ((np.nan, np.nan), (1, 1, 1)),
    ((np.nan, 0), (1, 1, 1)),
    ((np.inf, np.inf), (1, 0, 1)),
    ((-np.inf, -np.inf), (0, 1, 1)),
    ((1e30, 1e30), (1, 0, 1)),
    ((-1e30, -1e30), (0, 1, 1)),
]


@pytest.mark.parametrize(("color", "rgb"), OPENCV_LIMITLESS_RGB)
def test_color_beyond_numbers_is_that_of_the_real_node(
    color: tuple[float, float], rgb: tuple[float, float, float]
) -> None:
    light = np.array([[5, 50]], dtype=np.float32)
    found = rgb_from_lab(light, np.array([[color, color]], dtype=np.float32))
    assert np.abs(found - np.array(rgb)).max() < 1e-6


def test_lab_returns_to_rgb() -> None:
    """L with a = b = 0 gives back the grey it came from."""
    grey = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=-1)
    back = rgb_from_lab(
        lightness_as_float(lightness(grey)), np.zeros((1, 256, 2), dtype=np.float32)
    )
    assert np.abs(back - grey).max() < 2e-3


def test_resize_to_the_same_size_changes_nothing() -> None:
    """Scaling by one is the identity."""
    assert np.array_equal(resize(noise(48, 48), 48), noise(48, 48))


def test_resize_agrees_with_torch() -> None:
    """Scaling up and down is bilinear with half-pixel centres and no anti-aliasing."""
    image = noise(30, 50)
    for size in (16, 64):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(image).permute(2, 0, 1)[None], size=(size, size), mode="bilinear"
        )
        np.testing.assert_allclose(
            resize(image, size), expected[0].permute(1, 2, 0).numpy(), atol=1e-5
        )


def test_denoise_lessens_grain_and_keeps_edges() -> None:
    """Grain shrinks by more than half, a hard edge stays where it was, and grey stays grey."""
    image = np.full((40, 40, 3), 0.25, dtype=np.float32)
    image[:, 20:] = 0.75
    grain = np.random.default_rng(1).normal(0, 0.02, (40, 40, 1)).astype(np.float32)
    result = denoise(image + grain)
    assert (result - image).std() < 0.5 * grain.std()
    assert (result[:, 19] < 0.35).all()
    assert (result[:, 20] > 0.65).all()
    assert np.array_equal(result[..., 0], result[..., 1])
    assert np.array_equal(result, denoise(image + grain))


def test_bytes_are_cut_off_as_by_the_real_service() -> None:
    """SaveImage multiplies, clips and cuts off; it does not round."""
    image = np.array([[[-0.1, 0.999, 1.2]]], dtype=np.float32)
    assert to_uint8(image).tolist() == [[[0, 254, 255]]]


@pytest.mark.parametrize("photo", ["astronaut", "china"])
def test_bundled_checkpoint_gives_colors(photo: str) -> None:
    """The canary photos come out clearly coloured by the bundled weights."""
    with PillowImage.open(FIXTURES / "photos" / f"{photo}.png") as opened:
        image = np.asarray(opened.convert("RGB"), dtype=np.float32) / np.float32(255)
    result = colorize(load_model(FIXTURES / "models" / "ddcolor_nano.safetensors"), image, 512)
    assert (result.max(axis=-1) - result.min(axis=-1)).mean() > 0.08
