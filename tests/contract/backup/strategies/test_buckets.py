"""What only the points in the replicated bucket promise: least privilege, versions, wholeness."""

from __future__ import annotations

import json
import secrets

import pytest

from colordrill.backup.points import PointDamaged
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.backup_lab import Box
from fakes.command_lines import LOOK_AT_PROCESSES, WATCHED
from fakes.strategy_lab import Kept

pytestmark = [pytest.mark.docker, pytest.mark.nightly]

FIRST, SECOND, THIRD = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
LARGE_BYTES = 64_000_000
ASK = """
import json, sys
sys.path.insert(0, "/usr/local/bin")
from botocore.exceptions import ClientError
from s3_store import Store
prefix, method, bucket = sys.argv[1:4]
client = Store(prefix, "the bucket")._client
try:
    getattr(client, method)(Bucket=bucket, **json.loads(sys.argv[4]))
    print("done")
except ClientError as error:
    print(error.response["Error"]["Code"])
"""
VERSIONS = """
import json, sys
sys.path.insert(0, "/usr/local/bin")
from s3_store import Store
print(json.dumps([version for version, _ in Store("POINTS_DR", "").versions("")]))
"""
UNDECODABLE = """
import os
with open(b"/site/output/\\xff\\xfe.png", "wb") as file:
    file.write(b"odd")
"""
HASHES = ("sh", "-c", "cd /site && find . -type f -exec sha256sum {} + | sort")


@pytest.fixture
def taken(buckets: Kept) -> Kept:
    """A site with one point."""
    buckets.lab.primary.put({"output/a.png": b"picture", "models/a.bin": b"w" * 600_000})
    buckets.take(FIRST)
    return buckets


def ask(box: Box, prefix: str, method: str, bucket: str = "points", **words: str) -> str:
    """What an account of *box* is answered."""
    return box.checked("python3", "-c", ASK, prefix, method, bucket, json.dumps(words)).strip()


def versions(kept: Kept) -> list[tuple[str, str]]:
    """Every version in the DR site's bucket."""
    return [(key, number) for key, number in json.loads(kept.lab.dr.python(VERSIONS))]


def test_a_point_is_restored_without_the_primary_and_the_backup_server(taken: Kept) -> None:
    site = taken.lab.primary.site()
    gone = (taken.lab.server, taken.lab.source)
    for box in gone:
        box.container.stop(timeout=0)
    try:
        taken.strategy.restore(Part.DR_AGENT, FIRST)
    finally:
        for box in gone:
            box.container.start()
        taken.lab.await_up()

    assert taken.lab.dr.site() == site


def test_no_account_deletes_anything_or_reaches_another_bucket(taken: Kept) -> None:
    lab, before = taken.lab, versions(taken)

    for box, prefix in ((lab.primary, "POINTS"), (lab.primary, "POINTS_DR"), (lab.dr, "POINTS_DR")):
        for key, number in before:
            assert ask(box, prefix, "delete_object", Key=key) == "AccessDenied"
            assert ask(box, prefix, "delete_object", Key=key, VersionId=number) == "AccessDenied"
        assert ask(box, prefix, "create_bucket", "mine") == "AccessDenied"
        assert ask(box, prefix, "list_objects_v2", "offsite") == "AccessDenied"

    assert versions(taken) == before


def test_the_dr_site_reads_and_the_primary_adds_only_what_is_its_own(taken: Kept) -> None:
    lab = taken.lab

    for key in ("files/output/a.png", f"points/{SECOND}.json"):
        assert ask(lab.dr, "POINTS_DR", "put_object", Key=key, Body="x") == "AccessDenied"
    file = {"Key": "files/output/a.png", "Body": "x"}
    assert ask(lab.primary, "POINTS_DR", "put_object", **file) == "AccessDenied"
    manifest = {"Key": f"points/{SECOND}.json", "Body": "x"}
    assert ask(lab.primary, "POINTS", "put_object", **manifest) == "AccessDenied"


def test_who_takes_over_the_primary_cannot_alter_a_published_point(taken: Kept) -> None:
    site = taken.lab.primary.site()
    overwritten = {"Key": "files/output/a.png", "Body": "ransom"}
    assert ask(taken.lab.primary, "POINTS", "put_object", **overwritten) == "done"
    for content in ("{}", "ransom"):
        manifest = {"Key": f"points/{FIRST}.json", "Body": content}
        assert ask(taken.lab.primary, "POINTS_DR", "put_object", **manifest) == "done"

    assert [point.id for point in taken.strategy.listed()] == [FIRST]
    taken.strategy.restore(Part.DR_AGENT, FIRST)
    assert taken.lab.dr.site() == site


def test_only_what_changed_is_sent(taken: Kept) -> None:
    before = len(versions(taken))
    taken.lab.primary.put({"output/b.png": b"new"})

    taken.take(SECOND)

    # the file and the manifest
    assert len(versions(taken)) == before + 2


def test_a_name_that_is_no_text_is_kept_all_the_same(buckets: Kept) -> None:
    buckets.lab.primary.python(UNDECODABLE)
    buckets.take(FIRST)

    assert buckets.strategy.restore(Part.DR_AGENT, FIRST) == 1
    told = ("python3", "-c", "import os; print(os.listdir(b'/site/output'))")
    assert buckets.lab.dr.checked(*told) == buckets.lab.primary.checked(*told)


def test_a_folder_in_the_place_of_a_file_is_kept_beside_it(taken: Kept) -> None:
    taken.lab.primary.checked("rm", "/site/output/a.png")
    taken.lab.primary.put({"output/a.png/b.png": b"below"})
    taken.take(SECOND)
    taken.take(THIRD)

    taken.strategy.restore(Part.DR_AGENT, THIRD)

    assert taken.lab.dr.site() == taken.lab.primary.site()


def test_a_link_that_is_dead_half_way_leaves_no_point_and_the_next_is_whole(taken: Kept) -> None:
    taken.lab.primary.put({"models/large.bin": secrets.token_bytes(LARGE_BYTES)})
    with taken.lab.primary.starting("colordrill-s3", "take", SECOND) as taking:
        # the primary's bucket has it, and it is on its way
        taken.lab.source.await_true("ls /data/points/files/models/large.bin")
        taken.lab.storage.container.kill()
    ended = taking.ended()
    taken.lab.storage.container.start()
    taken.lab.await_up()

    assert ended.exit_code == 1, ended
    assert "Traceback" not in ended.stderr
    assert [point.id for point in taken.strategy.listed()] == [FIRST]
    taken.take(THIRD)
    taken.strategy.restore(Part.DR_AGENT, THIRD)
    assert taken.lab.dr.checked(*HASHES) == taken.lab.primary.checked(*HASHES)


def test_a_damaged_version_that_is_deleted_is_sent_again(taken: Kept) -> None:
    taken.damage(FIRST, "models/a.bin")
    with pytest.raises(PointDamaged):
        taken.strategy.verify(FIRST)
    ((key, number),) = [each for each in versions(taken) if each[0].endswith("a.bin")]
    delete = (
        'export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"; '
        f"mc --config-dir /tmp/mc-test --quiet rm --version-id {number} local/points/{key}"
    )
    taken.lab.storage.checked("sh", "-c", delete)

    taken.take(SECOND)

    assert taken.strategy.verify(SECOND)
    taken.strategy.restore(Part.DR_AGENT, SECOND)
    assert taken.lab.dr.site() == taken.lab.primary.site()


def test_a_bucket_that_keeps_no_versions_takes_no_point(buckets: Kept) -> None:
    buckets.lab.primary.put({"output/a.png": b"picture"})
    script = (
        'export MC_HOST_local="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@127.0.0.1:9000"; '
        "mc --config-dir /tmp/mc-test --quiet mb --ignore-existing local/plain"
    )
    buckets.lab.source.checked("sh", "-c", script)

    refused = buckets.lab.primary.run("env", "POINTS_BUCKET=plain", "colordrill-s3", "take", FIRST)

    assert refused.exit_code == 1
    assert list(buckets.strategy.listed()) == []


def test_a_wrong_secret_is_refused_before_anything_is_sent(buckets: Kept) -> None:
    buckets.lab.primary.put({"output/a.png": b"picture"})
    refused = buckets.lab.primary.run(
        "env", "POINTS_SECRET_ACCESS_KEY=wrong", "colordrill-s3", "take", FIRST
    )

    assert refused.exit_code == 1
    assert "refuses" in refused.stderr
    assert "wrong" not in refused.stderr
    assert list(buckets.strategy.listed()) == []


def test_a_published_point_is_not_taken_again(taken: Kept) -> None:
    with pytest.raises(EnvironmentProblem, match="published already"):
        taken.take(FIRST)


def test_making_the_buckets_again_changes_nothing(taken: Kept) -> None:
    before = versions(taken)
    script = "colordrill-points-storage replica && colordrill-points-storage list"
    taken.lab.storage.checked("sh", "-c", script)
    taken.lab.source.checked("colordrill-points-storage", "source")

    assert versions(taken) == before
    taken.take(SECOND)


def test_no_secret_is_on_a_command_line_or_in_a_log(taken: Kept) -> None:
    lab = taken.lab
    with (
        lab.storage.starting("sh", "-c", LOOK_AT_PROCESSES) as of_storage,
        lab.source.starting("sh", "-c", LOOK_AT_PROCESSES) as of_source,
    ):
        lab.storage.checked("colordrill-points-storage", "replica")
        lab.source.checked("colordrill-points-storage", "source")
    with lab.primary.starting("python3", "-c", WATCHED, "6") as of_primary:
        taken.take(SECOND)
    with lab.dr.starting("python3", "-c", WATCHED, "6") as of_dr:
        taken.strategy.restore(Part.DR_AGENT, SECOND)
    seen = "".join(each.ended().stdout for each in (of_primary, of_storage, of_source, of_dr))
    logged = "".join(box.container.logs().decode("utf-8", "replace") for box in lab.boxes())

    assert "colordrill-s3 take" in seen
    assert "colordrill-s3 restore" in seen
    assert "mc " in seen
    for secret in lab.secrets.all():
        assert secret not in seen
        assert secret not in logged
