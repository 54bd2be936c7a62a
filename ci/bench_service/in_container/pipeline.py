"""Seconds for a picture from decoding to PNG without any service, printed as JSON.

pipeline.py CHECKPOINT PHOTO SIZE COUNT
"""

import io
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from PIL import Image

from colorservice.model import load_model
from colorservice.pipeline import colorize, denoise, to_uint8

model = load_model(Path(sys.argv[1]))
content = Path(sys.argv[2]).read_bytes()
size, count = int(sys.argv[3]), int(sys.argv[4])
side = min(size, 1280)
with Image.open(io.BytesIO(content)) as photo:
    buffer = io.BytesIO()
    photo.convert("RGB").resize((side, side)).save(buffer, "PNG")

seconds = []
for _ in range(count + 1):
    began = time.perf_counter()
    with Image.open(io.BytesIO(buffer.getvalue())) as photo:
        pixels = np.asarray(photo.convert("RGB"), np.float32) / 255.0
    coloured = to_uint8(colorize(model, denoise(pixels), size))
    written = io.BytesIO()
    Image.fromarray(coloured).save(written, "PNG", compress_level=4)
    seconds.append(time.perf_counter() - began)
print(json.dumps(seconds[1:]))  # the first one warms up
os._exit(0)
