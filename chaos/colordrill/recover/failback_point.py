"""A recovery point of a site, now, in the course of a runbook."""

from __future__ import annotations

from contextlib import suppress

from colordrill.backup.keeping import sweep_failed
from colordrill.backup.point_ids import next_point_id
from colordrill.backup.points import COPY_LIMIT_S, catalogue
from colordrill.backup.rsync import CopyRefused, RsyncStrategy
from colordrill.errors import EnvironmentProblem
from colordrill.recover.steps import Operator
from colordrill.stack.parts import Part


def take_point(operator: Operator, agent: Part) -> str:
    """Take a recovery point of *agent*'s site, which is an ordinary one.

    Whoever calls keeps others from taking points meanwhile.

    Returns:
        Its id, after those of all others.

    Raises:
        EnvironmentProblem: it could not be published.
    """
    points = catalogue(operator.target)
    newest = points[-1].id if points else None
    sound = [each.id for each in points if each.condition != "damaged"]
    point = next_point_id(operator.clock.wall(), newest)
    try:
        return _take(operator, agent, point, sound[-1] if sound else None)
    except CopyRefused as error:
        if not sound:
            raise
        operator.say(f"{error.cause}; once more, without sharing files with another point")
        # what the failed copy left is swept later, where it cannot be now
        with suppress(EnvironmentProblem):
            sweep_failed(operator.target, point)
    return _take(operator, agent, next_point_id(operator.clock.wall(), point), None)


def _take(operator: Operator, agent: Part, point: str, linked_to: str | None) -> str:
    strategy = RsyncStrategy(operator.target, COPY_LIMIT_S)
    operation = operator.history.invoke("snapshot", point=point, strategy=strategy.name)
    try:
        taken = strategy.take_linked(point, linked_to, agent)
    except EnvironmentProblem as error:
        operation.fail(point=point, error=str(error))
        raise
    operation.ok(point=point, files=taken.files, bytes=taken.size_bytes)
    operator.say(f"recovery point {point} of {agent}: {taken.files} files")
    return point
