"""Which picker runs: those of other packages, their settings by name, and those that learn before they pick."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import yaml

from discs import DISCS, DarkDiscs, LearningDiscs, LearningSettings, write_discs
from napari_drpnet import Micrograph, Picks, UserError, jobs, load_picker, read_micrograph, read_picks
from napari_drpnet.cli import main
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers import known_pickers
from napari_drpnet.pickers.protocol import registry as base
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import PickerSettings, PickRun
from napari_drpnet.steps import drained

WORKING = """
from typing import ClassVar
import numpy as np
from pydantic import Field
from napari_drpnet import Picks
from napari_drpnet.settings import PickerSettings

class Settings(PickerSettings):
    shift: float = Field(0, description="Moves all picks to the right.", json_schema_extra={"unit": "px"})

class Middle:
    \"\"\"Picks the middle.

    And nothing else.
    \"\"\"

    name: ClassVar[str] = "middle"
    settings_class: ClassVar[type] = Settings

    def __init__(self, settings):
        self.settings = settings

    def pick(self, micrograph):
        h, w = micrograph.image.shape
        return Picks(micrograph.frame, np.array([[h / 2, w / 2 + self.settings.shift]]), score=np.array(0.7))
"""


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of our own pickers only those that need no network, which takes seconds to import."""
    monkeypatch.setattr(base, "_BUILT_IN", {n: at for n, at in base._BUILT_IN.items() if at[0].startswith("discs:")})


@pytest.fixture
def install(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a package with one picker where Python finds it, as an installer would."""
    before, sites = set(importlib.sys.modules), list[str]()

    def install(package: str, name: str, source: str, attribute: str) -> None:
        module, site = package.replace("-", "_"), tmp_path_factory.mktemp("site")
        monkeypatch.syspath_prepend(str(site))
        sites.append(str(site))
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[napari_drpnet.pickers]\n{name} = {module}:{attribute}\n")
        importlib.invalidate_caches()

    yield install
    for module in set(importlib.sys.modules) - before:
        if str(getattr(importlib.sys.modules[module], "__file__", "")).startswith(tuple(sites)):
            del importlib.sys.modules[module]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]):
    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(one) for one in arguments])
        out, err = capfd.readouterr()
        return end.value.code or 0, out, err

    return run


def discs(picks: Picks) -> set[tuple[int, int]]:
    """The discs that were found."""
    near = np.linalg.norm(picks.yx[:, None] - np.array(DISCS)[None], axis=2)
    return {DISCS[i] for i in near.argmin(axis=1)[near.min(axis=1) < 3]}


class Given(DarkDiscs):
    """Gives what it was told to."""

    answer: ClassVar[object] = None

    def pick(self, micrograph: Micrograph) -> Picks:
        return type(self).answer(micrograph)


@pytest.fixture
def giving(monkeypatch: pytest.MonkeyPatch):
    def giving(answer) -> LoadedPicker:
        monkeypatch.setattr(Given, "answer", answer)
        return LoadedPicker(Given(PickerSettings(diameter=40)))

    return giving


class TestAPickerThatCanOnlyPick:
    def test_it_is_asked_once_and_gives_the_picks_of_any_threshold(self):
        micrograph = read_micrograph(write_discs("a.mrc"))
        willing = LoadedPicker(DarkDiscs(PickerSettings(diameter=40)))
        score_map = willing.score(micrograph)
        assert score_map.values is None
        assert discs(willing.picks_from(score_map)) == set(DISCS)
        for threshold in (0.3, 0.6, 0.7):
            told = DarkDiscs(PickerSettings(diameter=40, threshold=threshold)).pick(micrograph)
            assert np.array_equal(willing.picks_from(score_map, threshold).yx, told.yx[np.argsort(-told.score)])

    def test_a_picker_with_scores_is_left_as_it_is(self):
        picker, micrograph = LearningDiscs(LearningSettings(diameter=40)), read_micrograph(write_discs("a.mrc"))
        drained(picker.learn_steps([lambda: micrograph]))
        score_map = drained(picker.score_steps(micrograph))
        loaded = LoadedPicker(picker).score(micrograph)
        assert np.array_equal(loaded.values, score_map.values)
        assert np.array_equal(loaded.candidates.probability, score_map.candidates.probability)

    def test_unknown_scores_are_sure_and_what_else_it_says_is_kept(self, giving):
        places = np.array([[40.0, 50.0], [100.0, 150.0]])
        picker = giving(lambda m: Picks(m.frame, places, np.nan, np.array([30.0, np.nan]), np.array([2, 3]), 45.0))
        picks = picker.pick(read_micrograph(write_discs("a.mrc")))
        assert picks.score.tolist() == [1, 1]
        assert picks.diameter.tolist() == [30, 30]
        assert (picks.class_number.tolist(), picks.psi.tolist()) == ([2, 3], [45, 45])

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (lambda m: Picks(m.frame, [[40, 50], [90, 90]], np.array([-6.0, 4.0])), "from -6 to 4"),
            (lambda m: [(40, 50)], "a list, not Picks"),
            (lambda m: Picks(m.frame, [[40, np.nan]], 1.0), "without a place"),
            (lambda m: Picks(m.frame, [[40, 250]], 1.0), "outside the micrograph of 160 x 200"),
        ],
    )
    def test_what_is_no_answer_is_refused_with_the_names_of_picker_and_micrograph(self, giving, answer, words: str):
        picker = giving(answer)
        with pytest.raises(UserError, match=f"a.mrc: picker 'dark-discs' gave .*{words}"):
            picker.pick(read_micrograph(write_discs("a.mrc")))

    def test_one_that_takes_long_can_be_left(self, giving):
        picker = giving(lambda m: time.sleep(1.5))
        start = time.monotonic()
        steps = picker.score_steps(read_micrograph(write_discs("a.mrc")))
        assert [next(steps), next(steps)] == [0, 0]
        steps.close()
        assert time.monotonic() - start < 1


@pytest.mark.usefixtures("few")
class TestOtherPackages:
    def test_its_picker_is_listed_and_picks(self, install):
        install("middle-finder", "middle", WORKING, "Middle")
        (info,) = [one for one in known_pickers() if one.name == "middle"]
        assert (info.origin, info.summary, info.problem) == ("middle-finder", "Picks the middle.", "")
        picks = load_picker("middle", diameter=40, shift=5).pick(read_micrograph(write_discs("a.mrc")))
        assert (picks.yx.tolist(), picks.source.tolist()) == ([[80, 105]], ["middle"])

    broken = pytest.mark.parametrize(
        ("source", "attribute", "words"),
        [
            ("import surely_not_installed", "Picker", "ModuleNotFoundError: No module named 'surely_not_installed'"),
            ("def (:", "Picker", "SyntaxError"),
            ("1 / 0", "Picker", "ZeroDivisionError"),
            ("", "Picker", "AttributeError"),
            ("class Picker:\n    name = 'bad'\n    def pick(self, m): ...", "Picker", "no settings_class"),
            (WORKING, "Middle", "'middle', not that of its entry point"),
            (WORKING.replace("def pick", "def peck").replace('"middle"', '"bad"'), "Middle", "no method pick"),
        ],
    )

    @broken
    def test_one_that_cannot_be_used_is_listed_with_its_reason_and_the_others_work(
        self, install, source: str, attribute: str, words: str
    ):
        install("bad-package", "bad", source, attribute)
        problems = {info.name: info.problem for info in known_pickers() if info.problem}
        assert set(problems) == {"bad"}
        assert "bad-package" in problems["bad"]
        assert words in problems["bad"]
        with pytest.raises(UserError, match="bad-package"):
            load_picker("bad", diameter=40)
        assert len(load_picker("dark-discs", diameter=40).pick(read_micrograph(write_discs("a.mrc")))) == 4

    def test_a_name_belongs_to_us_first_and_then_to_the_first_package(self, install):
        install("impostor", "dark-discs", WORKING, "Middle")
        install("b-package", "middle", WORKING, "Middle")
        install("a-package", "middle", WORKING, "Middle")
        found = {(info.name, info.origin): info.problem for info in known_pickers()}
        assert "napari-drpnet has a picker of this name" in found["dark-discs", "impostor"]
        assert found["middle", "a-package"] == ""
        assert "a-package has a picker of this name" in found["middle", "b-package"]
        assert base.available_pickers().count("middle") == 1

    def test_one_that_fails_to_start_is_an_error_with_its_name(self, install):
        install(
            "bad-package", "middle", WORKING.replace("self.settings = settings", "raise OSError('no GPU')"), "Middle"
        )
        with pytest.raises(UserError, match="'middle' of the package bad-package cannot be started: OSError: no GPU"):
            load_picker("middle", diameter=40)

    def test_what_it_raises_is_said_of_that_micrograph_and_the_others_are_picked(self, install, call):
        fails = (
            "if 'b' in micrograph.frame.micrograph:\n            raise RuntimeError('out of\\nluck')\n        h, w ="
        )
        install("bad-package", "middle", WORKING.replace("h, w =", fails), "Middle")
        for name in "abc":
            write_discs(f"{name}.mrc")
        status, out, err = call("pick", "a.mrc", "b.mrc", "c.mrc", "--picker", "middle", "--diameter", 40)
        assert status == 1
        assert "2 picks on 2 of 3 micrographs" in out
        (line,) = err.splitlines()
        said = "b.mrc: picker 'middle' of the package bad-package failed: RuntimeError: out of luck. Tell its author"
        assert line.startswith(f"error: {said}")

    def test_a_bug_of_ours_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(DarkDiscs, "pick", lambda self, micrograph: 1 / 0)
        run = PickRun(inputs=(str(write_discs("a.mrc")),), picker="dark-discs", options={"diameter": 40})
        with pytest.raises(ZeroDivisionError):
            jobs.finish(jobs.pick(run))

    def test_one_that_learns_is_guarded_too(self, install):
        source = "from discs import LearningDiscs\nclass Learner(LearningDiscs):\n    name = 'learner'\n"
        install(
            "bad-package", "learner", source + "    def learn_steps(self, m):\n        yield 1 / 0, ''\n", "Learner"
        )
        picker = load_picker("learner", diameter=40)
        with pytest.raises(UserError, match="Learning: picker 'learner' of the package bad-package failed"):
            jobs.finish(jobs.learn(picker, []))


def test_every_picker_of_ours_says_what_it_is():
    ours = [info for info in known_pickers() if info.origin == "napari-drpnet"]
    assert {"drpnet", "pixer", "centerpicker", "deepcryopicker", "log", "template"} <= {info.name for info in ours}
    assert all(len(info.summary) > 20 for info in ours)


@pytest.mark.usefixtures("few")
class TestTheListOfPickers:
    def test_one_line_each_and_the_reason_of_those_that_cannot_be_used(self, install, call):
        install("middle-finder", "middle", WORKING, "Middle")
        install("bad-package", "bad", "import surely_not_installed", "Picker")
        status, out, err = call("pickers")
        assert (status, err) == (0, "")
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert lines["middle"].split(maxsplit=1)[1] == "Picks the middle.  [middle-finder]"
        assert "cannot be used" in lines["bad"]
        assert "surely_not_installed" in lines["bad"]
        document = json.loads(call("pickers", "--json")[1])
        assert {"name": "middle", "origin": "middle-finder", "summary": "Picks the middle.", "problem": ""} in document

    def test_with_a_name_the_settings_of_that_picker(self, install, call):
        install("middle-finder", "middle", WORKING, "Middle")
        lines = call("pickers", "middle")[1].splitlines()
        assert lines[:2] == ["shift [px], default 0", "    Moves all picks to the right."]
        assert "diameter [A], needed" in lines
        settings = json.loads(call("pickers", "middle", "--json")[1])["settings"]
        shift = {"name": "shift", "needed": False, "default": 0, "unit": "px", "help": "Moves all picks to the right."}
        assert settings[0] == shift

    def test_an_unknown_name_is_an_error_with_the_known_ones(self, call):
        status, out, err = call("pickers", "nobody")
        assert (status, out) == (2, "")
        assert "dark-discs" in err


@pytest.mark.usefixtures("few")
class TestOptions:
    @pytest.fixture(autouse=True)
    def middle(self, install):
        install("middle-finder", "middle", WORKING, "Middle")
        write_discs("a.mrc")

    def place(self, out: str = "picks") -> list[float]:
        return read_picks(Path(out, "a_autopick.star"))[0].yx[0].tolist()

    def test_settings_of_the_picker_are_given_by_name_and_recorded(self, call):
        pick = ("pick", "a.mrc", "--picker", "middle", "--option", "diameter=40", "--option", "shift=7")
        assert call(*pick)[0] == 0
        assert self.place() == [80, 107]
        assert yaml.safe_load(Path("picks/settings.yaml").read_text())["options"]["shift"] == 7
        assert call("pick", "--settings", "picks/settings.yaml", "--out", "again")[0] == 0
        assert self.place("again") == [80, 107]
        call("pick", "--settings", "picks/settings.yaml", "--option", "shift=1", "--out", "other")
        assert self.place("other") == [80, 101]

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("shifft=7", "no setting named 'shifft'. It has diameter, threshold, min_distance"),
            ("shift=left", "shift"),
            ("shift", "KEY=VALUE"),
            ("=3", "KEY=VALUE"),
            ("shift=[1", "YAML"),
        ],
    )
    def test_what_cannot_be_meant_is_one_line(self, call, option: str, words: str):
        status, out, err = call("pick", "a.mrc", "--picker", "middle", "--diameter", 40, "--option", option)
        assert (status, out) == (2, "")
        (line,) = err.splitlines()
        assert words in line
        assert not Path("picks").exists()

    def test_of_another_pickers_run_only_what_all_are_told_is_taken_over(self, call):
        call("pick", "a.mrc", "--picker", "middle", "--diameter", 40, "--threshold", 0.4, "--option", "shift=7")
        status, out, err = call("pick", "--settings", "picks/settings.yaml", "--picker", "dark-discs", "--out", "b")
        assert (status, err) == (0, "")
        recorded = yaml.safe_load(Path("b/settings.yaml").read_text())
        assert (recorded["picker"], recorded["options"]["threshold"]) == ("dark-discs", 0.4)
        assert "4 picks" in out

    def test_a_project_keeps_them(self, call):
        make = ("pick", "a.mrc", "--project", "p", "--picker", "middle", "--diameter", 40, "--option", "shift=7")
        assert call(*make)[0] == 0
        assert self.place("p/picks") == [80, 107]
        call("pick", "--project", "p", "--option", "memory=300")
        call("project", "p", "--option", "threshold=0.3")
        kept = yaml.safe_load(Path("p/project.yaml").read_text())
        assert kept["options"] == {"shift": 7, "memory": 300}
        assert kept["threshold"] == 0.3
        call("pick", "--project", "p", "--option", "shift=null")
        assert self.place("p/picks") == [80, 100]

    def test_another_picker_begins_without_them(self, call):
        call("pick", "a.mrc", "--project", "p", "--picker", "middle", "--diameter", 40, "--option", "shift=7")
        assert call("pick", "--project", "p", "--picker", "dark-discs")[0] == 0
        assert yaml.safe_load(Path("p/project.yaml").read_text())["options"] == {}

    def test_unknown_ones_leave_a_project_as_it_was(self, call):
        call("project", "p", "a.mrc", "--picker", "middle", "--diameter", 40)
        before = Path("p/project.yaml").read_text()
        status, _, err = call("pick", "--project", "p", "--option", "shifft=3")
        assert status == 2
        assert "shifft" in err
        assert Path("p/project.yaml").read_text() == before

    def test_weights_are_found_from_any_folder(self, monkeypatch: pytest.MonkeyPatch):
        learner = load_picker("learning-discs", diameter=40)
        learner.picker.depth = 0.5
        learner.save(Path("mine.safetensors"))
        options = {"weights": "mine.safetensors"}
        with jobs.open_project("p", ["a.mrc"], picker="learning-discs", diameter=40, options=options) as project:
            Path("elsewhere").mkdir()
            monkeypatch.chdir("elsewhere")
            assert jobs.project_picker(project).picker.depth == 0.5

    def test_a_project_from_before_there_were_options_opens(self, call):
        call("project", "p", "a.mrc", "--picker", "middle", "--diameter", 40)
        path = Path("p/project.yaml")
        path.write_text("".join(line for line in path.open() if not line.startswith("options")))
        with Project.open("p") as project:
            assert project.settings.options == {}

    def test_a_diameter_is_needed_only_where_the_picker_needs_one(self, install):
        finder = WORKING.replace("shift: float", "diameter: float = 0\n    shift: float").replace(
            '"middle"', '"finder"'
        )
        install("size-finder", "finder", finder, "Middle")
        with jobs.open_project("p", ["a.mrc"], picker="finder") as project:
            assert jobs.project_picker(project).settings.diameter == 0
        with (
            jobs.open_project("q", ["a.mrc"], picker="middle") as project,
            pytest.raises(UserError, match="--diameter"),
        ):
            jobs.project_picker(project)


@pytest.mark.usefixtures("few")
class TestLearning:
    @pytest.fixture(autouse=True)
    def start(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(LearningDiscs, "times_learnt", 0)
        for seed, name in enumerate("abc"):
            write_discs(f"{name}.mrc", seed=seed)

    run = PickRun(inputs=("a.mrc", "b.mrc", "c.mrc"), picker="learning-discs", options={"diameter": 40})

    def test_a_run_learns_first_and_what_it_learnt_repeats_it(self):
        report = jobs.finish(jobs.pick(self.run))
        assert (report.picks, len(report.picked)) == (12, 3)
        assert yaml.safe_load(Path("picks/settings.yaml").read_text())["options"]["weights"] == (
            "picks/learning-discs.safetensors"
        )
        first = Path("picks/a_autopick.star").read_bytes()
        again = jobs.make_run({"out": Path("again")}, {}, Path("picks/settings.yaml"))
        jobs.finish(jobs.pick(again))
        assert LearningDiscs.times_learnt == 1
        assert Path("again/a_autopick.star").read_bytes() == first

    def test_its_steps_are_told(self):
        job = jobs.pick(self.run)
        first = [next(job) for _ in range(3)]
        assert [step.message for step in first] == [f"Learning from micrograph {i}" for i in (1, 2, 3)]
        assert [step.fraction for step in first] == pytest.approx([0, 1 / 3, 2 / 3])

    def test_stopped_while_it_learns_it_leaves_nothing_half_done(self):
        job = jobs.pick(self.run)
        next(job)
        job.close()
        assert not Path("picks").exists()

    def test_a_micrograph_that_cannot_be_read_stops_neither_learning_nor_picking(self):
        Path("b.mrc").write_bytes(b"no image")
        report = jobs.finish(jobs.pick(self.run))
        assert [result.micrograph for result in report.failed] == ["b.mrc"]
        assert report.picks == 8

    def test_a_project_learns_once_from_all_its_micrographs(self):
        with jobs.open_project("p", ["*.mrc"], picker="learning-discs", diameter=40) as project:
            report = jobs.finish(jobs.pick_project(project, ["a"]))
            assert report.picks == 4
            assert Path("p/networks/learning-discs.safetensors").is_file()
            assert project.settings.options == {"weights": "networks/learning-discs.safetensors"}
        Path("p").rename("moved")
        with jobs.open_project("moved") as project:
            jobs.finish(jobs.pick_project(project))
            assert [row.picks for row in project.rows()] == [4, 4, 4]
        assert LearningDiscs.times_learnt == 1

    def test_a_null_makes_it_learn_anew(self):
        with jobs.open_project("p", ["*.mrc"], picker="learning-discs", diameter=40) as project:
            jobs.finish(jobs.pick_project(project))
        with jobs.open_project("p", options={"weights": None}) as project:
            jobs.finish(jobs.pick_project(project))
        assert LearningDiscs.times_learnt == 2
