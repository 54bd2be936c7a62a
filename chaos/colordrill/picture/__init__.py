"""Is this picture the right one? Strict decoding, comparison with a golden, and the judgement.

Also where the judgement's bounds come from: measurements beside the goldens (``load_bounds``).

Part of the foundation; everything else imports from here and not from the modules inside.

Bounds of size: a picture needs at least one SSIM window, 7 pixels, on each side, and may have at
most :data:`MAX_PIXELS`; outside them it is refused, never compared. A side under 56 pixels has
fewer than 8 tiles: as many as hold one window each.
"""

from colordrill.picture.bounds import (
    BOUNDS_FILE,
    MEASURES,
    ColourBounds,
    Measurement,
    Separation,
    bounds_of,
    distance,
    load_bounds,
    load_measurements,
    separate,
)
from colordrill.picture.judgement import Bounds, Judgement, judge, judge_files
from colordrill.picture.likeness import (
    WEAK_GOLDEN_MIN,
    Scores,
    compare,
    difference_picture,
    refuse_weak_golden,
    uncoloured,
)
from colordrill.picture.png import (
    MAX_PIXELS,
    PictureProblem,
    Pixels,
    decode,
    embedded_prompt,
    prompts_match,
)

__all__ = [
    "BOUNDS_FILE",
    "MAX_PIXELS",
    "MEASURES",
    "WEAK_GOLDEN_MIN",
    "Bounds",
    "ColourBounds",
    "Judgement",
    "Measurement",
    "PictureProblem",
    "Pixels",
    "Scores",
    "Separation",
    "bounds_of",
    "compare",
    "decode",
    "difference_picture",
    "distance",
    "embedded_prompt",
    "judge",
    "judge_files",
    "load_bounds",
    "load_measurements",
    "prompts_match",
    "refuse_weak_golden",
    "separate",
    "uncoloured",
]
