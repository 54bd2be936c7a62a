"""Sabotage of recovery points: they are there, their manifests fit, their content is wrong."""

from __future__ import annotations

from colordrill.errors import EnvironmentProblem
from colordrill.stack.images import ensure_images
from colordrill.stack.parts import Part
from colordrill.stack.target import Target

KEEP_OLDEST = (
    "bash",
    "-c",
    # what is still on its way goes first: published after the deletion it would save the drill
    "rm -rf /backup/incoming/* && cd /backup/points && ls | tail -n +2 | xargs -r rm -rf -- && ls",
)

# restic names snapshots by their content: the oldest is known by the time at which it was stored
KEEP_OLDEST_COPY = (
    "sh",
    "-c",
    """
export MC_CONFIG_DIR=/tmp/mc-offsite
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
# the backup server lives on: a copy that is under way would be stored after the deletion
mc --quiet admin user disable local "$OFFSITE_WRITER_USER" > /dev/null
stored=/data/offsite/snapshots
oldest=$(ls -tr "$stored" | head -n 1)
for name in $(ls "$stored"); do
  if [ "$name" != "$oldest" ]; then
    # past the lock that keeps it: a storage that lost it has none of its versions
    mc --quiet rm --versions --force --bypass "local/offsite/snapshots/$name" > /dev/null
  fi
done
ls "$stored"
""",
)

ALLOW_COPIES = (
    "sh",
    "-c",
    """
export MC_CONFIG_DIR=/tmp/mc-offsite
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
mc --quiet admin user enable local "$OFFSITE_WRITER_USER"
""",
)

KEEP_OLDEST_MANIFEST = (
    "sh",
    "-c",
    """
export MC_CONFIG_DIR=/tmp/mc-points
export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"
manifests=/data/points/points
for name in $(ls "$manifests" | tail -n +2); do
  mc --quiet rm --versions --force "local/points/points/$name" > /dev/null
done
ls "$manifests"
""",
)

REWRITE = r"""
import hashlib, json, os, pathlib, re, sys
task, ending, *rest = sys.argv[1:]

def other_weights(content):
    # half of the numbers of the last layer have the other sign: a checkpoint that loads, and other
    # colours. Not all of them: the network divides a layer by its own norm, sign included
    length = 8 + int.from_bytes(content[:8], "little")
    if len(content) < length:
        return content
    header = json.loads(content[8:length])
    header.pop("__metadata__", None)
    if len(content) < length + max(each["data_offsets"][1] for each in header.values()):
        return content
    changed = bytearray(content)
    last = 0
    for name, each in header.items():
        if "refine_net" in name and each["dtype"] == "F16":
            begin, end = (length + offset for offset in each["data_offsets"])
            for place in range(begin + 1, begin + (end - begin) // 2, 2):
                changed[place] ^= 0x80
                last += 1
    if not last:
        sys.exit("the checkpoint has no last layer of half precision")
    return bytes(changed)

def replaced(content):
    pattern, text = rest
    return re.sub(pattern.encode(), text.encode(), content)

changed = 0
for point in sorted(pathlib.Path("/backup/points").iterdir()):
    manifest = json.loads((point / "MANIFEST.json").read_text())
    for name, entry in manifest["files"].items():
        if not name.endswith(ending):
            continue
        before = (point / name).read_bytes()
        content = other_weights(before) if task == "weights" else replaced(before)
        # what was backed up since the fault may be cut off, or outdated, without us
        if content == before:
            continue
        # points share unchanged files as hard links: a new file each
        fresh = point / (name + ".new")
        fresh.write_bytes(content)
        os.replace(fresh, point / name)
        entry.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        changed += 1
    fresh = point / "MANIFEST.new"
    fresh.write_text(json.dumps(manifest))
    os.replace(fresh, point / "MANIFEST.json")
print(changed)
"""


def keep_only_oldest(target: Target) -> None:
    """Delete every recovery point but the oldest, on the backup server's disk."""
    done = target.execute(Part.BACKUP, KEEP_OLDEST)
    if done.exit_code != 0 or len(done.stdout.split()) != 1:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr or done.stdout}")


def keep_only_oldest_copy(target: Target) -> None:
    """Delete every off-site snapshot but the oldest, and let the backup server add no other."""
    done = target.execute(Part.DR_STORAGE, KEEP_OLDEST_COPY)
    if done.exit_code != 0 or len(done.stdout.split()) != 1:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr or done.stdout}")


def allow_copies(target: Target) -> None:
    """Undo `keep_only_oldest_copy`, as far as later copies go."""
    done = target.execute(Part.DR_STORAGE, ALLOW_COPIES)
    if done.exit_code != 0:
        raise EnvironmentProblem(f"the sabotage could not be undone: {done.stderr.strip()}")


def keep_only_oldest_manifest(target: Target) -> None:
    """Delete the manifest of every point but the oldest, in the DR site's storage."""
    done = target.execute(Part.DR_STORAGE, KEEP_OLDEST_MANIFEST)
    if done.exit_code != 0 or len(done.stdout.split()) != 1:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr or done.stdout}")


def points_hold_other_weights(target: Target) -> None:
    """The checkpoint in every point has other numbers."""
    _rewrite(target, "weights", ".safetensors")


def points_hold_old_workflow(target: Target) -> None:
    """The building workflow in every point is the one at 680."""
    _rewrite(target, "replace", "建筑黑白修复.json", r"\b1280\b", "680")


def points_name_stale_image(target: Target) -> None:
    """The configuration in every point names an image without the denoising module."""
    built = ensure_images(["service"], _unheard, arguments={"service": {"DENOISE": "0"}})
    stale = built["service"].reference
    _rewrite(target, "replace", "config/stack.env", r"(?m)^IMAGE=.*$", f"IMAGE={stale}")


def _unheard(_line: str) -> None:
    """A red twin's preparation is not the drill's progress."""


def _rewrite(target: Target, *words: str) -> None:
    done = target.execute(Part.BACKUP, ["python3", "-c", REWRITE, *words])
    if done.exit_code != 0 or done.stdout.strip() in {"", "0"}:
        raise EnvironmentProblem(f"the sabotage failed: {done.stderr.strip() or done.stdout}")
