"""The plugin as other projects meet it: options, markers, fixtures. Drills are stubbed."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import colordrill.drill.run
import colordrill.record.console  # noqa: F401 (loaded once here, not anew by each nested run)

pytest_plugins = ["pytester"]

STUB = """
import pytest
from pathlib import Path
from colordrill.drill.run import DrillResult

VERDICTS = {
    "good": [("rto", "pass", "in time")],
    "bad": [("rto", "pass", "in time"), ("colour", "fail", "chroma SSIM 0.19 < 0.985")],
    "unclear": [("rpo", "unknown", "only 2 recovery points"), ("rto", "pass", "in time")],
    "both": [("rpo", "unknown", "only 2 recovery points"), ("rto", "fail", "62 s > 60 s")],
}
ORDER = ["pass", "unknown", "fail"]

@pytest.fixture(scope="session")
def run_drill():
    def run(name):
        checks = [dict(name=n, verdict=v, detail=d) for n, v, d in VERDICTS[name]]
        verdict = max((each["verdict"] for each in checks), key=ORDER.index)
        record = {"verdict": verdict, "checks": checks}
        return DrillResult(Path("runs/the-record"), record, None)
    return run
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of somebody who uses colordrill, with strict markers."""
    for name in ("PROFILE", "SEED", "IMAGE", "DEVICE", "OUT", "KEEP"):
        monkeypatch.delenv(f"COLORDRILL_{name}", raising=False)
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the project's tests with the plugin, in this process: loading it takes seconds."""
    return project.runpytest_inprocess(*_loading(), *arguments)


def _loading() -> list[str]:
    installed = entry_points(group="pytest11")
    if any(each.value == "colordrill.plugin" for each in installed):
        return []
    return ["-p", "colordrill.plugin"]


def test_a_drill_that_passes_passes_and_returns_its_result(project: pytest.Pytester) -> None:
    project.makeconftest(STUB)
    project.makepyfile("def test_it(drill): assert drill('good').record['verdict'] == 'pass'")

    run(project).assert_outcomes(passed=1)


def test_a_failed_drill_fails_the_test_and_names_the_failed_checks_alone(
    project: pytest.Pytester,
) -> None:
    project.makeconftest(STUB)
    project.makepyfile("def test_it(drill): drill('bad')")

    result = run(project)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*drill bad: verdict fail*", "*fail: colour: chroma SSIM 0.19*", "*the-record*"]
    )
    result.stdout.no_fnmatch_line("*pass: rto*")


def test_an_unknown_verdict_fails_the_test_and_is_said_as_such(project: pytest.Pytester) -> None:
    project.makeconftest(STUB)
    project.makepyfile("def test_it(drill): drill('unclear')")

    result = run(project)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*verdict unknown*", "*unknown: rpo: only 2 recovery points*"])


def test_failed_and_unknown_checks_are_both_named(project: pytest.Pytester) -> None:
    project.makeconftest(STUB)
    project.makepyfile("def test_it(drill): drill('both')")

    result = run(project)

    result.stdout.fnmatch_lines(["*unknown: rpo*", "*fail: rto: 62 s > 60 s*"])


def test_a_drill_that_fails_shows_no_traceback_of_the_harness(project: pytest.Pytester) -> None:
    project.makeconftest(STUB)
    project.makepyfile("def test_it(drill): drill('bad')")

    run(project).stdout.no_fnmatch_line("*plugin.py*")


def test_the_markers_are_known_where_markers_are_strict(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.drill
        @pytest.mark.red
        def test_it(): pass
        """
    )

    run(project).assert_outcomes(passed=1)
    shown = run(project, "--markers")
    shown.stdout.fnmatch_lines(["@pytest.mark.drill:*", "@pytest.mark.red:*"])


def settings_test(project: pytest.Pytester, expected: str) -> None:
    project.makepyfile(
        f"""
        def test_it(drill_settings):
            s = drill_settings
            found = (s.profile, s.seed, s.image, s.device, str(s.out), s.keep)
            assert found == {expected}
        """
    )


def test_without_options_the_defaults_hold(project: pytest.Pytester) -> None:
    settings_test(project, "('gate', 1, None, 'cpu', 'runs', False)")

    run(project).assert_outcomes(passed=1)


def test_options_reach_the_settings(project: pytest.Pytester) -> None:
    settings_test(project, "('nightly', 7, 'mine:1', 'cuda', 'elsewhere', True)")

    options = ("--profile", "nightly", "--image", "mine:1", "--drill-seed", "7", "--drill-keep")
    result = run(project, *options, "--drill-out", "elsewhere", "--drill-device", "cuda")

    result.assert_outcomes(passed=1)


def test_ini_keys_reach_the_settings_and_options_win(project: pytest.Pytester) -> None:
    project.makeini(
        "[pytest]\n"
        "colordrill_profile = nightly\ncolordrill_seed = 7\n"
        "colordrill_image = ini:1\ncolordrill_out = from-ini\n"
    )
    settings_test(project, "('nightly', 7, 'option:1', 'cpu', 'from-ini', False)")

    run(project, "--image", "option:1").assert_outcomes(passed=1)


def test_the_environment_wins_over_ini_keys(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makeini("[pytest]\ncolordrill_seed = 7\n")
    monkeypatch.setenv("COLORDRILL_SEED", "8")
    settings_test(project, "('gate', 8, None, 'cpu', 'runs', False)")

    run(project).assert_outcomes(passed=1)


def test_what_the_image_is_like_is_read_from_the_projects_own_file(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.path / "colordrill.toml").write_text('[service]\nlayout = "comfyui"\nport = 1\n')
    monkeypatch.setenv("COLORDRILL_SERVICE_PORT", "9000")
    project.makepyfile(
        """
        def test_it(drill_settings):
            service = drill_settings.service
            found = (service.image, service.node.class_type, service.port)
            assert found == ("mine:1", "DDColor_Colorize", 9000)
        """
    )

    run(project, "--image", "mine:1").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "arguments", [("--profile", "weekly"), ("--drill-seed", "one"), ("--drill-device", "tpu")]
)
def test_a_wrong_option_is_an_error_that_names_the_value(
    project: pytest.Pytester, arguments: tuple[str, str]
) -> None:
    settings_test(project, "None")

    result = run(project, *arguments)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*UsageProblem*{arguments[1]}*"])


def test_the_options_are_in_pytests_help(project: pytest.Pytester) -> None:
    run(project, "--help").stdout.fnmatch_lines(["*disaster drills*", "*--profile=PROFILE*"])


def test_an_unknown_scenario_fails_with_the_nearest_name(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(drill): drill('host_power_los')")

    result = run(project)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*did you mean 'host_power_loss'*"])


def test_what_ended_a_drill_early_fails_the_test_with_its_cause(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
import pytest
from pathlib import Path
from colordrill.drill import run
from colordrill.errors import EnvironmentProblem

class Broken:
    def __init__(self, *_): pass
    def run(self):
        error = EnvironmentProblem("no engine answers", "start Docker")
        return run.DrillResult(Path("x"), {"verdict": "unknown", "checks": []}, error)

@pytest.fixture(autouse=True, scope="session")
def broken():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "Drill", Broken)
        yield
"""
    )
    project.makepyfile("def test_it(drill): drill('host_power_loss')")

    result = run(project)

    result.stdout.fnmatch_lines(["*no engine answers*"])
    assert result.ret != 0


def test_the_drills_of_a_session_share_its_stacks_and_these_are_removed_at_its_end(
    project: pytest.Pytester,
) -> None:
    project.makeconftest(
        """
        import pytest
        from pathlib import Path
        from colordrill.drill import run, stacks

        class Stub:
            given = []

            def __init__(self, scenario, settings, say, lent):
                self.given.append(lent)

            def run(self):
                return run.DrillResult(Path("runs/x"), {"verdict": "pass", "checks": []}, None)

        @pytest.fixture(autouse=True, scope="session")
        def stubbed():
            removed = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(run, "Drill", Stub)
                patch.setattr(stacks.Stacks, "remove", lambda self: removed.append(self))
                yield Stub.given
            # the stacks' fixture was made later, so it has ended already
            assert removed == [Stub.given[0]]
        """
    )
    project.makepyfile(
        """
        def test_one(drill):
            drill("host_power_loss")

        def test_another(drill, stubbed, drill_stacks):
            drill("process_killed")
            assert stubbed == [drill_stacks, drill_stacks]
        """
    )

    run(project).assert_outcomes(passed=2)


def test_a_project_that_uses_nothing_of_it_pays_nothing_for_it(project: pytest.Pytester) -> None:
    """The plugin is loaded in every project that has colordrill installed."""
    project.makepyfile(
        """
        import sys

        def test_it():
            heavy = {"docker", "numpy", "skimage", "httpx", "colordrill.drill.run"}
            assert not heavy & set(sys.modules)
        """
    )

    project.runpytest_subprocess(*_loading()).assert_outcomes(passed=1)
