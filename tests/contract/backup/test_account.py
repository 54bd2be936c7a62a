"""What the sites' account may do on the backup server: nothing that harms a published point."""

from __future__ import annotations

import pytest

from fakes.backup_lab import BackupLab, Ran

pytestmark = pytest.mark.docker

FIRST, SECOND = "20261122T201530.123Z", "20261122T201540.123Z"
ADDRESS = "rsync://$BACKUP_ACCOUNT@$BACKUP_SERVER/backup"
FILES = {"output/a.png": b"first", "output/b.png": b"second"}

HARMFUL = {
    "writing into a point": f"rsync /etc/hostname {ADDRESS}/points/{FIRST}/output/evil.png",
    "overwriting a file of a point": f"rsync /etc/hostname {ADDRESS}/points/{FIRST}/output/a.png",
    "leaving incoming/": f"rsync /etc/hostname {ADDRESS}/incoming/../points/{FIRST}/evil.png",
    "writing beside incoming/": f"rsync /etc/hostname {ADDRESS}/evil.png",
    "writing to incoming/ itself": f"rsync -r /etc/apt {ADDRESS}/incoming",
    "a new point that nobody verified": f"rsync -r /etc/apt/ {ADDRESS}/points/{SECOND}/",
    "deleting from a point": f"rsync -r --delete /tmp/empty/ {ADDRESS}/points/{FIRST}/output/",
    "deleting below incoming/": f"rsync -r --delete /tmp/empty/ {ADDRESS}/incoming/{SECOND}/",
    "taking files away while reading": (
        f"rsync --remove-source-files {ADDRESS}/points/{FIRST}/output/a.png /tmp/"
    ),
    "writing into a file that shares its bytes": (
        f"rsync --inplace /etc/hostname {ADDRESS}/incoming/{SECOND}/output/a.png"
    ),
    "adding to a file that shares its bytes": (
        f"rsync --append /etc/hostname {ADDRESS}/incoming/{SECOND}/output/a.png"
    ),
    "moving what is replaced": (
        f"rsync --backup --backup-dir=/points /etc/hostname {ADDRESS}/incoming/{SECOND}/a"
    ),
    "pretending to read": (
        f"rsync --suffix=--sender --backup /etc/hostname {ADDRESS}/points/{FIRST}/evil.png"
    ),
    "a link out of incoming/": (
        f"ln -sfn ../points /tmp/link && rsync -l /tmp/link {ADDRESS}/incoming/link && "
        f"rsync /etc/hostname {ADDRESS}/incoming/link/{FIRST}/evil.png"
    ),
    "reading the account's secret": f"rsync {ADDRESS}/../tmp/rsyncd.secrets /tmp/read",
    "reading the Git repository": f"rsync {ADDRESS}/git/site.git/config /tmp/read",
}


def tried(lab: BackupLab, script: str) -> Ran:
    return lab.dr.run("bash", "-c", f"mkdir -p /tmp/empty && {script}")


@pytest.mark.parametrize("attempt", HARMFUL)
def test_what_could_harm_a_published_point_is_refused_and_it_stays_whole(
    lab: BackupLab, attempt: str
) -> None:
    lab.primary.put(FILES)
    lab.snapshot(FIRST)
    # copied and not published: its unchanged files are hard links to those of the first
    lab.primary.checked("colordrill-snapshot", SECOND, "--previous", FIRST)

    refused = tried(lab, HARMFUL[attempt])

    assert refused.exit_code != 0, refused
    assert lab.points() == [FIRST]
    listed = lab.server.checked("find", f"/backup/points/{FIRST}", "-type", "f").split()
    assert len(listed) == len(FILES) + 1
    lab.dr.checked("colordrill-restore", FIRST)
    assert lab.dr.site() == FILES


def test_a_refused_client_is_told_why(lab: BackupLab) -> None:
    lab.primary.put(FILES)
    lab.snapshot(FIRST)

    refused = tried(lab, HARMFUL["writing into a point"])

    assert "writes below incoming/ alone" in refused.stderr


def test_a_probe_may_be_pushed(lab: BackupLab) -> None:
    pushed = tried(lab, f"rsync /etc/hostname {ADDRESS}/incoming/.probe")

    assert pushed.exit_code == 0, pushed
    assert lab.server.run("test", "-s", "/backup/incoming/.probe").exit_code == 0
