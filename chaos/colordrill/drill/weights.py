"""Which weights a service colours with, as far as its models volume shows them."""

from __future__ import annotations

from dataclasses import dataclass

from colordrill.drill.assets import Assets
from colordrill.errors import GoldenProblem
from colordrill.scenario.service import ServiceSpec
from colordrill.stack.parts import Part, SiteFolder
from colordrill.stack.target import Target

HASH_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Weights:
    """The checkpoint that a service has; *sha256* None: *reason* says why it is not known."""

    file: str
    sha256: str | None
    reason: str = ""


def weights_of(target: Target, service: ServiceSpec) -> Weights:
    """The checkpoint in the primary's models volume.

    Raises:
        EnvironmentProblem: the primary's agent is absent or the engine does not answer.
    """
    path = f"/site/{SiteFolder.MODELS}/{service.checkpoint_path}"
    done = target.execute(Part.PRIMARY_AGENT, ["sha256sum", "--", path], timeout_s=HASH_LIMIT_S)
    if done.exit_code == 0 and done.stdout:
        # a name with a backslash makes sha256sum begin its line with one
        return Weights(service.checkpoint_path, done.stdout.split()[0].lstrip("\\"))
    reason = f"not in the models volume ({service.mounts.models}): {done.stderr.strip()}"
    return Weights(service.checkpoint_path, None, reason)


def refuse_other_weights(target: Target, assets: Assets) -> None:
    """See that the image's own weights are those that the goldens were made with.

    Weights that colordrill puts there itself were compared before; ones that cannot be seen are not
    compared: then the canaries' pictures alone tell.

    Raises:
        GoldenProblem: they are others.
    """
    if assets.checkpoint is not None or assets.golden_weights is None:
        return
    found = weights_of(target, assets.service)
    if found.sha256 is not None and found.sha256 != assets.golden_weights:
        raise GoldenProblem(
            f"the goldens were captured with another {found.file}: the image has "
            f"{found.sha256[:12]}…, the manifest says {assets.golden_weights[:12]}…",
            "use the image that they belong to, or run `colordrill golden capture --force`",
        )
