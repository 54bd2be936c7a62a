"""Stands for who sends canaries to a site."""

from __future__ import annotations

from colordrill.errors import EnvironmentProblem
from colordrill.stack.parts import Site


class Judge:
    """Stands for the operator: says what its canaries found."""

    def __init__(self) -> None:
        self.found: str | EnvironmentProblem = "canaries person are right"
        self.canaries: tuple[str, ...] = ("person",)
        self.asked: list[str] = []

    def forget_models(self, site: Site) -> None:
        self.asked.append(f"forget {site}")

    def judge_site(self, site: Site) -> str:
        self.asked.append(f"judge {site}")
        if isinstance(self.found, EnvironmentProblem):
            raise self.found
        return self.found
