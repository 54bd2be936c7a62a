"""What a service's ``/object_info`` says of the nodes that workflows here are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fakes.service import Answers, Reply, Request, as_json

Definitions = dict[str, dict[str, Any]]


def definition(
    title: str, required: Mapping[str, Any], output: tuple[str, ...], **more: Any
) -> dict[str, Any]:
    return {
        "input": {"required": dict(required), **more},
        "output": list(output),
        "display_name": title,
    }


def definitions() -> Definitions:
    """A fresh copy: the reference's own node, the node pack's, and ComfyUI's."""
    return {
        "LoadImage": definition(
            "Load Image", {"image": [["a.png"], {"image_upload": True}]}, ("IMAGE", "MASK")
        ),
        "SaveImage": definition(
            "Save Image",
            {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {"default": "ComfyUI"}]},
            (),
            hidden={"prompt": "PROMPT"},
        ),
        "PreviewImage": definition("Preview Image", {"images": ["IMAGE"]}, ()),
        "DDColor-ddcolorize": definition(
            "DDColor-ddcolorize",
            {
                "image": ["IMAGE", {}],
                "model": [["ddcolor_nano.safetensors", "ddcolor_paper_tiny.pth"], {}],
                "size": ["INT", {"default": 960, "min": 32, "max": 4096, "step": 1}],
            },
            ("IMAGE",),
        ),
        "DDColor_Colorize": definition(
            "DDColor_Colorize",
            {
                "image": ["IMAGE"],
                "model_input_size": ["INT", {"default": 512, "min": 32, "max": 4096, "step": 32}],
                "checkpoint": [
                    ["ddcolor_paper_tiny.pth", "ddcolor_paper.pth"],
                    {"default": "ddcolor_paper_tiny.pth"},
                ],
            },
            ("IMAGE",),
        ),
    }


def knowing(nodes: Mapping[str, Any], otherwise: Answers) -> Answers:
    """A service that knows *nodes* and answers everything else as *otherwise* does."""

    def answer(request: Request) -> Reply:
        if request.path.startswith("/object_info/"):
            name = unquote(request.path.removeprefix("/object_info/"))
            return as_json({name: nodes[name]} if name in nodes else {})
        return otherwise(request)

    return answer
