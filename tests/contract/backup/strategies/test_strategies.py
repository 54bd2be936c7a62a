"""The contract of every backup strategy: what it keeps, and what it refuses."""

from __future__ import annotations

import secrets

import pytest

from colordrill.backup.points import PointDamaged
from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Part
from fakes.strategy_lab import Kept

pytestmark = pytest.mark.docker

FIRST, SECOND, ABSENT = (f"20261122T20153{second}.123Z" for second in (0, 4, 8))
CONFIGURATION = "IMAGE=service:2\n"
LONGEST = "n" * 251 + ".png"
SITE = {
    "input/photo.png": b"\x89PNG photo",
    "output/2026/deep/er/picture.png": b"picture",
    "workflows/人物黑白修复.json": b"{}",
    "config/stack.env": CONFIGURATION.encode(),
    "input/new\nline.png": b"newline",
    "input/ -leading dash and 'quotes\".png": b"quotes",
    f"output/{LONGEST}": b"255 bytes of name",
    "output/empty.png": b"",
    "models/large.safetensors": secrets.token_bytes(3_000_000),
}


@pytest.fixture
def taken(kept: Kept) -> Kept:
    """A site with odd names, kept as one point."""
    kept.lab.primary.put(SITE)
    kept.take(FIRST)
    return kept


def expect_dr_empty(kept: Kept) -> None:
    assert kept.lab.dr.site() == {}


def test_without_a_point_nothing_is_listed(kept: Kept) -> None:
    assert list(kept.strategy.listed()) == []


def test_a_point_that_was_taken_is_listed_with_what_it_holds(taken: Kept) -> None:
    (point,) = taken.strategy.listed()

    assert (point.id, point.strategy) == (FIRST, taken.strategy.name)
    assert (point.files, point.size_bytes) == (len(SITE), sum(map(len, SITE.values())))


def test_a_point_that_was_taken_is_whole(taken: Kept) -> None:
    assert taken.strategy.verify(FIRST)


def test_a_restored_site_is_byte_for_byte_what_was_taken(taken: Kept) -> None:
    files = taken.strategy.restore(Part.DR_AGENT, FIRST)

    assert files == len(SITE)
    assert taken.lab.dr.site() == SITE


def test_restored_files_belong_to_the_service_and_keep_their_times(taken: Kept) -> None:
    taken.strategy.restore(Part.DR_AGENT, FIRST)

    told = "stat -c '%u %a %Y' /site/models/large.safetensors"
    assert taken.lab.dr.checked("sh", "-c", told) == taken.lab.primary.checked("sh", "-c", told)


def test_a_point_tells_the_configuration_of_the_site(taken: Kept) -> None:
    assert taken.strategy.configuration(FIRST) == CONFIGURATION


def test_points_are_listed_oldest_first_and_each_is_what_it_was(taken: Kept) -> None:
    taken.lab.primary.put({"output/later.png": b"later", "input/photo.png": b"another"})
    taken.take(SECOND)

    assert [point.id for point in taken.strategy.listed()] == [FIRST, SECOND]
    taken.strategy.restore(Part.DR_AGENT, FIRST)
    assert taken.lab.dr.site() == SITE
    taken.lab.dr.clear()
    taken.strategy.restore(Part.DR_AGENT, SECOND)
    later = {"output/later.png": b"later", "input/photo.png": b"another"}
    assert taken.lab.dr.site() == {**SITE, **later}


def test_links_and_empty_folders_are_no_part_of_a_point(kept: Kept) -> None:
    """A link out of the site would bring what is no data of it, or write outside it."""
    kept.lab.primary.put({"output/a.png": b"a"})
    kept.lab.primary.checked("sh", "-c", "ln -s /etc/passwd /site/output/link")
    kept.lab.primary.checked("sh", "-c", "ln -s /etc /site/output/folder-link")
    kept.lab.primary.checked("mkdir", "/site/output/empty")
    kept.take(FIRST)

    assert kept.strategy.restore(Part.DR_AGENT, FIRST) == 1
    found = kept.lab.dr.checked("sh", "-c", "cd /site && find . -mindepth 2 ! -type d -o -type l")
    assert found.split() == ["./output/a.png"]


def test_a_sparse_file_comes_back_with_its_size_and_bytes(kept: Kept) -> None:
    path = "/site/models/sparse.bin"
    kept.lab.primary.checked("sh", "-c", f"truncate -s 20M {path} && printf end >> {path}")
    kept.take(FIRST)

    kept.strategy.restore(Part.DR_AGENT, FIRST)

    hashed = ("sha256sum", path)
    assert kept.lab.dr.checked(*hashed) == kept.lab.primary.checked(*hashed)


def test_a_point_that_is_not_there_is_an_error_and_the_site_stays_empty(taken: Kept) -> None:
    for point in (ABSENT, "../points", "", "x" * 5000):
        with pytest.raises(EnvironmentProblem) as raised:
            taken.strategy.restore(Part.DR_AGENT, point)
        assert not isinstance(raised.value, PointDamaged)
        with pytest.raises(EnvironmentProblem):
            taken.strategy.verify(point)
        with pytest.raises(EnvironmentProblem):
            taken.strategy.configuration(point)
    expect_dr_empty(taken)
    assert [point.id for point in taken.strategy.listed()] == [FIRST]


def test_a_site_that_holds_data_is_left_as_it_is(taken: Kept) -> None:
    taken.lab.dr.put({"output/theirs.png": b"theirs"})

    with pytest.raises(EnvironmentProblem, match="holds data already") as raised:
        taken.strategy.restore(Part.DR_AGENT, FIRST)

    assert not isinstance(raised.value, PointDamaged)
    assert taken.lab.dr.site() == {"output/theirs.png": b"theirs"}


def test_damage_is_found_and_nothing_of_it_stays_at_the_site(taken: Kept) -> None:
    taken.damage(FIRST, "models/large.safetensors")

    with pytest.raises(PointDamaged):
        taken.strategy.restore(Part.DR_AGENT, FIRST)

    expect_dr_empty(taken)


def test_a_verification_finds_damage(taken: Kept) -> None:
    taken.damage(FIRST, "models/large.safetensors")

    found = 0
    # one look may read a part of everything: so many looks read all
    for _ in range(4):
        try:
            taken.strategy.verify(FIRST)
        except PointDamaged:
            found += 1
    assert found


def test_who_has_no_access_is_told_so_and_gets_nothing(taken: Kept) -> None:
    with pytest.raises(EnvironmentProblem) as raised:
        taken.stranger().restore(Part.DR_AGENT, FIRST)

    assert not isinstance(raised.value, PointDamaged)
    assert taken.lab.stranger.site() == {}


def test_a_store_that_cannot_be_reached_is_no_damage(taken: Kept) -> None:
    with taken.down():
        with pytest.raises(EnvironmentProblem) as raised:
            taken.strategy.restore(Part.DR_AGENT, FIRST)
        with pytest.raises(EnvironmentProblem):
            taken.strategy.verify(FIRST)

    assert not isinstance(raised.value, PointDamaged)
    expect_dr_empty(taken)
    taken.strategy.restore(Part.DR_AGENT, FIRST)
    assert taken.lab.dr.site() == SITE


def test_a_copy_that_cannot_be_stored_is_not_listed_and_the_next_is_whole(kept: Kept) -> None:
    kept.lab.primary.put(SITE)
    kept.take(FIRST)
    if kept.offsite:
        kept.near.take(SECOND)
    with kept.down(), pytest.raises(EnvironmentProblem):
        kept.strategy.take(SECOND)

    assert [point.id for point in kept.strategy.listed()] == [FIRST]
    kept.strategy.take(SECOND)
    kept.strategy.restore(Part.DR_AGENT, SECOND)
    assert kept.lab.dr.site() == SITE
