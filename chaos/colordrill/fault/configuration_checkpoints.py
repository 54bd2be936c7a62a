"""Faults of the primary's weights: missing, corrupt, or those of another training."""

from __future__ import annotations

from typing import ClassVar

from colordrill.data import fixtures
from colordrill.fault.configuration_weights import WeightsFault
from colordrill.fault.protocol import About
from colordrill.fault.site_data import SiteData

OTHER = "ddcolor_nano_other.safetensors"
_METHOD_END = (
    " Then the service is told to forget what it has in memory (`POST /free`), as a restart would: "
    "until then a running service works with the old network."
)
_EVIDENCE = (
    "The site's agent has the newest job coloured once more: its picture differs from the one "
    "that the same job gave before, or the job ends in an error."
)
_CURE = (
    "The original file is put back over whatever is there and the service forgets its memory. It "
    "is read back by the file's SHA-256 and by the same job, which gives the first picture again."
)


class CheckpointMissing(WeightsFault):
    """The file is gone."""

    name: ClassVar[str] = "checkpoint_missing"
    about: ClassVar[About] = About(
        effect=(
            "Jobs are refused or end in an error; where the node keeps the half-made network, the "
            "second one succeeds with random weights and gives nonsense colours."
        ),
        method="The site's agent takes the file out of the models folder." + _METHOD_END,
        evidence=_EVIDENCE,
        cure=_CURE,
        incidents=(
            "Weights that lie in a node pack's own folder and not in `models/` are in no backup; "
            "after a restore the first job fails and the next ones are coloured at random."
        ),
        targets=("primary-colorization",),
    )

    def change(self, data: SiteData) -> None:
        """Nothing: the original is held, so nothing is there."""


class CheckpointCorrupt(WeightsFault):
    """The file is cut off in its middle."""

    name: ClassVar[str] = "checkpoint_corrupt"
    about: ClassVar[About] = About(
        effect=(
            "The first job ends in an error; where the node keeps the half-made network, the "
            "second one succeeds with random weights and gives nonsense colours."
        ),
        method="The site's agent replaces the file by its own first half." + _METHOD_END,
        evidence=_EVIDENCE,
        cure=_CURE,
        incidents=(
            "Interrupted downloads leave half a checkpoint under its final name. Putting the whole "
            "one back does not help a running service, which keeps its random weights."
        ),
        targets=("primary-colorization",),
    )

    def change(self, data: SiteData) -> None:
        """The first half of the original."""
        data.halve(self.path)


class CheckpointOther(WeightsFault):
    """The file holds the weights of another training."""

    name: ClassVar[str] = "checkpoint_other"
    armed: ClassVar[bool] = False
    about: ClassVar[About] = About(
        effect="Every job ends well, with other colours: nothing but the picture tells.",
        method=(
            "The site's agent puts a checkpoint of another training, of the same layout, under the "
            "same name." + _METHOD_END
        ),
        evidence=_EVIDENCE,
        cure=_CURE,
        incidents=(
            "Checkpoints of the same name and of different versions circulate; a site that was "
            "set up later downloads another one than the first site has."
        ),
        targets=("primary-colorization",),
    )

    def change(self, data: SiteData) -> None:
        """The bundled network's other training."""
        data.write(self.path, (fixtures() / "models" / OTHER).read_bytes())


FAULTS: tuple[type, ...] = (CheckpointMissing, CheckpointCorrupt, CheckpointOther)
