"""`colordrill-merge`: what both sites have written stands, whatever the order and the breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fakes.merging_site import BASE, FINAL, FIRST, MergingSite, Tree, merging_site

NAMES = (
    "output/a.png",
    "output/b.png",
    "output/a.png/c.png",
    "output/sub/d.png",
    "workflows/w.json",
    "input/noending",
)
MARKED = f".primary-{BASE}"


@pytest.fixture
def site(store: Any, tmp_path: Path) -> Iterator[MergingSite]:
    with merging_site(tmp_path / "site") as site:
        yield site


def trees() -> st.SearchStrategy[dict[str, bytes]]:
    """Small sites in which no file lies in another one."""
    contents = st.sampled_from([b"1", b"2", b"3"])
    drawn = st.dictionaries(st.sampled_from(NAMES), contents)
    return drawn.filter(lambda tree: not {"output/a.png", "output/a.png/c.png"} <= set(tree))


def expect_nothing_lost(after: Tree, base: Tree | None, theirs: Tree, ours: Tree) -> None:
    known = base or {}
    beside = {content for name, content in after.items() if MARKED in name}
    for name, content in ours.items():
        unchanged = known.get(name) == content
        assert unchanged or after.get(name) == content or content in beside, name
    for name, content in theirs.items():
        kept_ours = known.get(name) == content and after.get(name) == ours.get(name)
        assert after[name] == content or kept_ours, name
    gone = set(ours) - set(after)
    in_the_way = {name for name in gone if ours[name] in beside}
    assert all(known.get(name) == ours[name] for name in gone - in_the_way)
    if base is None:
        assert gone == in_the_way


@given(base=st.none() | trees(), theirs=trees(), ours=trees(), killed_after=st.integers(0, 12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_one_side_has_is_lost_whatever_both_did_and_wherever_it_is_killed(
    site: MergingSite, base: Tree | None, theirs: Tree, ours: Tree, killed_after: int
) -> None:
    site.points = {FIRST: theirs} | ({BASE: base} if base is not None else {})
    site.put(ours)
    told = site.merge(FIRST)
    after = site.held()

    expect_nothing_lost(after, base, theirs, ours)

    again = site.merge(FIRST, merged=[FIRST])
    assert (site.held(), again["brought"], again["deleted"]) == (after, [], [])
    assert (again["conflicts"], again["kept"]) == (told["conflicts"], told["kept"])

    site.put(ours)
    site.merge_killed(killed_after, FIRST)
    resumed = site.merge(FIRST, merged=[FIRST])
    assert (site.held(), resumed["conflicts"]) == (after, told["conflicts"])


@given(base=trees(), first=trees(), final=trees(), killed_after=st.integers(0, 12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_site_that_nobody_wrote_to_becomes_the_other_one_in_two_passes(
    site: MergingSite, base: Tree, first: Tree, final: Tree, killed_after: int
) -> None:
    site.points = {BASE: base, FIRST: first, FINAL: final}
    site.put(base)
    site.merge_killed(killed_after, FIRST)

    told = site.merge(FINAL, merged=[FIRST])

    assert site.held() == dict(final)
    assert (told["conflicts"], told["kept"]) == ([], [])


@given(first=trees(), final=trees(), ours=trees())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_without_a_base_every_file_stays_somewhere(
    site: MergingSite, first: Tree, final: Tree, ours: Tree
) -> None:
    assume(first or final)
    site.points = {FIRST: first, FINAL: final}
    site.put(ours)
    site.merge(FIRST)

    told = site.merge(FINAL, merged=[FIRST])

    assert told["deleted"] == []
    after = site.held()
    assert set(ours.values()) <= set(after.values()) | set(first.values())
    assert {name: after[name] for name in final} == dict(final)


def test_what_each_side_changed_alone_stands(site: MergingSite) -> None:
    old = {"output/theirs.png": b"1", "workflows/ours.json": b"1", "output/gone.png": b"1"}
    site.points = {
        BASE: old,
        FIRST: {"output/theirs.png": b"2", "workflows/ours.json": b"1", "output/new.png": b"n"},
    }
    site.put(old | {"workflows/ours.json": b"3", "output/late.png": b"l"})

    told = site.merge(FIRST)

    assert site.held() == {
        "output/theirs.png": b"2",
        "workflows/ours.json": b"3",
        "output/new.png": b"n",
        "output/late.png": b"l",
    }
    assert told == {
        "point": FIRST,
        "brought": ["output/new.png", "output/theirs.png"],
        "kept": ["output/late.png", "workflows/ours.json"],
        "conflicts": [],
        "deleted": ["output/gone.png"],
    }


def test_what_both_changed_is_theirs_and_ours_stays_beside_it_once(site: MergingSite) -> None:
    name, beside = "workflows/person.json", f"workflows/person{MARKED}.json"
    site.points = {BASE: {name: b"old"}, FIRST: {name: b"dr"}, FINAL: {name: b"dr later"}}
    site.put({name: b"primary"})

    site.merge(FIRST)
    told = site.merge(FINAL, merged=[FIRST])

    assert site.held() == {name: b"dr later", beside: b"primary"}
    assert told["conflicts"] == [beside]


def test_what_was_deleted_there_and_changed_here_stays(site: MergingSite) -> None:
    site.points = {BASE: {"output/a.png": b"old"}, FIRST: {}}
    site.put({"output/a.png": b"changed"})

    assert site.merge(FIRST)["kept"] == ["output/a.png"]
    assert site.held() == {"output/a.png": b"changed"}


def test_what_is_gone_here_comes_back(site: MergingSite) -> None:
    """A disk that was lost looks as if everything had been deleted."""
    site.points = {BASE: {"output/a.png": b"old"}, FIRST: {"output/a.png": b"old"}}
    site.put({})

    site.merge(FIRST)

    assert site.held() == {"output/a.png": b"old"}


def test_canaries_of_both_sites_are_left_alone(site: MergingSite) -> None:
    site.points = {BASE: {}, FIRST: {"output/verifycan-1.png": b"dr", "output/a.png": b"a"}}
    site.put({"input/verifycan-2.png": b"primary"})

    told = site.merge(FIRST)

    assert site.held() == {"input/verifycan-2.png": b"primary", "output/a.png": b"a"}
    assert (told["brought"], told["kept"]) == (["output/a.png"], [])


def test_a_dry_run_says_the_same_and_changes_nothing(site: MergingSite) -> None:
    site.points = {BASE: {"output/a.png": b"1"}, FIRST: {"output/a.png": b"2"}}
    site.put({"output/a.png": b"3"})

    planned = site.merge(FIRST, dry_run=True)

    assert site.held() == {"output/a.png": b"3"}
    assert planned == site.merge(FIRST)


def test_a_damaged_point_replaces_nothing(site: MergingSite) -> None:
    site.points, site.damaged = (
        {BASE: {"output/a.png": b"1"}, FIRST: {"output/a.png": b"2"}},
        {FIRST},
    )
    site.put({"output/a.png": b"1"})

    with pytest.raises(site.program.DamagedError):
        site.merge(FIRST)

    assert site.held() == {"output/a.png": b"1"}


def test_what_a_killed_merge_left_in_the_site_is_swept(site: MergingSite) -> None:
    site.points = {BASE: {}, FIRST: {}}
    site.put(
        {
            f"output/.{'a' * 64}.colordrill-draft": b"half",
            "output/.mine.colordrill-draft": b"a user's",
        }
    )

    assert site.merge(FIRST)["kept"] == ["output/.mine.colordrill-draft"]
    assert site.held() == {"output/.mine.colordrill-draft": b"a user's"}


def test_a_link_or_an_empty_folder_in_the_way_makes_room(site: MergingSite) -> None:
    site.points = {BASE: {}, FIRST: {"output/a.png": b"a", "output/sub/b.png": b"b"}}
    site.put({"input/kept.png": b"k"})
    (site.root / "output/a.png/empty").mkdir(parents=True)
    (site.root / "output/sub").symlink_to(site.root / "input")

    told = site.merge(FIRST)

    assert told["conflicts"] == [f"output/sub{MARKED}"]
    assert (site.root / f"output/sub{MARKED}").is_symlink()
    assert (site.root / "output/a.png").read_bytes() == b"a"
    assert not (site.root / "output/sub").is_symlink()
    assert (site.root / "output/sub/b.png").read_bytes() == b"b"


def test_a_name_as_long_as_can_be_is_kept_beside_all_the_same(site: MergingSite) -> None:
    long = "output/" + "ü" * 125 + ".png"
    site.points = {BASE: {}, FIRST: {long: b"dr"}}
    site.put({long: b"primary"})

    (beside,) = site.merge(FIRST)["conflicts"]

    assert site.held() == {long: b"dr", beside: b"primary"}
    assert len(os.fsencode(Path(beside).name)) <= 255
    assert beside.endswith(f"{MARKED}.png")


def test_a_name_that_is_taken_gets_a_number(site: MergingSite) -> None:
    taken = f"output/a{MARKED}.png"
    site.points = {BASE: {}, FIRST: {"output/a.png": b"dr"}}
    site.put({"output/a.png": b"primary", taken: b"a user's"})

    site.merge(FIRST)

    numbered = f"output/a{MARKED}-2.png"
    assert site.held() == {"output/a.png": b"dr", taken: b"a user's", numbered: b"primary"}
