"""Files on their way into a site's volumes, as the archive that the engine takes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping

from colordrill.stack.ownership import Owner
from colordrill.stack.parts import SiteFolder


def archive(folder: SiteFolder, files: Mapping[str, bytes], owner: Owner) -> bytes:
    """A tar of *files* below *folder*; they, the folder and those between are the *owner*'s."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(_directory(folder, owner))
        for name, each in files.items():
            for entry in _entries(f"{folder}/{name}", each, owner):
                tar.addfile(entry, io.BytesIO(each) if entry.isreg() else None)
    return content.getvalue()


def _entries(name: str, content: bytes, owner: Owner) -> Iterator[tarfile.TarInfo]:
    """The directories above a file, then the file, all of the same owner."""
    folders = name.split("/")[:-1]
    for depth in range(2, len(folders) + 1):
        yield _directory("/".join(folders[:depth]), owner)
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    entry.uid, entry.gid = owner.uid, owner.gid
    yield entry


def _directory(name: str, owner: Owner) -> tarfile.TarInfo:
    directory = tarfile.TarInfo(name)
    directory.type = tarfile.DIRTYPE
    directory.mode = 0o755
    directory.uid, directory.gid = owner.uid, owner.gid
    return directory
