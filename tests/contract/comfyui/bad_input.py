"""Bad input for the property tests, and what no bad input may do: leave a file elsewhere."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

PARTS = (
    *("..", ".", "", "a", "b.png", "c.json", ".hidden", "空 (写).png", "%2e%2e", "%2F", "~"),
    *("a\0b", "n" * 300, "a\nb", 'q"uote', "back\\slash", "x [output]", "-rf", "*", "con", "[a"),
)

# what one call of a service may be named by: many tries to get out, some odd characters
part = st.sampled_from(PARTS) | st.text(st.characters(codec="utf-8"), max_size=8)
path = st.lists(part, max_size=5).map("/".join)
scalar = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
)
json_value = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def outside(base: Path | None, *own: str) -> frozenset[str]:
    """Name everything in and beside a base directory, except below the folders that are meant.

    Args:
        base: the base directory; None for a service whose disk cannot be seen, then it is empty.
        own: folders below it that requests may write to.
    """
    if base is None:
        return frozenset()
    beside = {path.name for path in base.parent.iterdir()}
    folders = [base / folder for folder in own]
    below = {
        str(path.relative_to(base))
        for path in base.rglob("*")
        if not any(path.is_relative_to(folder) and path != folder for folder in folders)
    }
    return frozenset(beside | below)
