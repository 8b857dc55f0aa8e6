"""Options from settings models: what each kind of field takes, and that only what was given arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field

from napari_drpnet.cli import app, main
from napari_drpnet.cli.options import Given, options, texts, with_options
from napari_drpnet.cli.simulating import GenerousCommand
from napari_drpnet.cli.values import named_paths
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.protocol.registry import network_fields
from napari_drpnet.settings import Settings
from napari_drpnet.settings.base import ADDS_UP, unit


class Kinds(Settings):
    """A field of each kind."""

    length: float = Field(description="How long.", json_schema_extra=unit("A"))
    count: int | None = Field(None, ge=1, description="How many.")
    round: bool = Field(True, description="Whether it is.")
    kind: Literal["a", "b"] = Field("a", description="Which.")
    span: tuple[float, float] = Field((0.5, 2.0), description="From, to.")
    files: tuple[Path, ...] = Field((), description="Some.")
    names: tuple[str, ...] = Field((), description="With commas.")
    parts: tuple[str, ...] = Field((), description="With commas, too.", json_schema_extra=ADDS_UP)
    sets: dict[str, Path] = Field(default_factory=dict, description="Places.")
    weights: dict[str, float] = Field(default_factory=dict, description="Numbers.")
    secret: int = Field(7, description="Not for everyone.")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    """Run a command that has these options: what it was told, its status, and what it said."""

    def run(*arguments: str, **how: Any) -> tuple[Given | None, int, str]:
        got: list[Given] = []

        def command(first: int = 1, *, told: Given, networks: Given) -> None:
            got.append(told | networks | {"first": first})

        command.__annotations__ |= {
            "told": Annotated[Given, options(Kinds, **how)],
            "networks": Annotated[Given, texts([("finder", "Of stage 1.")])],
        }
        program = typer.Typer(rich_markup_mode=None, add_completion=False)
        program.command(cls=GenerousCommand)(with_options(command))
        with pytest.raises(SystemExit) as end:
            program(arguments)
        said = capsys.readouterr()
        return (got[0] if got else None), end.value.code or 0, " ".join((said.out + said.err).split())

    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", {}),
        ("--length 3", {"length": 3.0}),
        ("--count 4 --no-round", {"count": 4, "round": False}),
        ("--round --kind b", {"round": True, "kind": "b"}),
        ("--span 1 3", {"span": (1.0, 3.0)}),
        ("--span 1", {"span": (1.0, 1.0)}),
        ("--files a b --files c", {"files": (Path("a"), Path("b"), Path("c"))}),
        ("--names a,b", {"names": ("a", "b")}),
        ("--names a,b --names c", {"names": ("c",)}),
        ("--parts a,b --parts c", {"parts": ("a", "b", "c")}),
        ("--sets mine=here --sets there/other", {"sets": {"mine": Path("here"), "other": Path("there/other")}}),
        ("--weights a=0.5 --weights b=2", {"weights": {"a": 0.5, "b": 2}}),
        ("--finder mine", {"finder": "mine"}),
        ("--first 2", {"first": 2}),
    ],
)
def test_what_is_given_arrives_and_nothing_else(call, arguments: str, told: dict[str, Any]):
    got, status, _ = call(*arguments.split())
    assert status == 0
    assert got == {"first": 1} | told


def test_help_has_unit_default_and_choices_of_the_settings(call):
    _, _, said = call("--help")
    for part in (
        "--length <float> How long. [A]",
        "--count <int> How many.",
        "--round / --no-round Whether it is. Default: True.",
        "--kind <a|b> Which. Default: a.",
        "From, to. One number or two. Default: 0.5 2.0.",
        "Some. One or more.",
        "Not for everyone. Default: 7.",
        "--finder <str> Of stage 1.",
    ):
        assert part in said


def test_fields_left_out_renamed_and_needed(call):
    got, _, said = call("--help", leave_out=["secret"], flags={"weights": "--weight"}, needed=True)
    assert got is None
    assert "--secret" not in said
    assert "--weight <" in said
    assert "How long. [A] [required]" in said
    assert call(needed=True)[1] == 2


def test_a_value_without_a_name_is_refused_by_its_option():
    with pytest.raises(UserError, match="--weight 'x' is not KEY=VALUE"):
        options(Kinds, "weights", flags={"weights": "--weight"}).take({"weights": ["x"]})


def test_two_sets_of_one_name_are_refused():
    with pytest.raises(UserError, match="Two sets are named 'a'"):
        named_paths(["x/a", "y/a"])


def test_a_path_with_a_comma_is_one_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "of may, june").mkdir()
    (tmp_path / "of may, june" / "x.mrc").touch()
    for text in ("of may, june", "of may, june/*.mrc"):
        assert options(Kinds, "parts").take({"parts": [text]}) == {"parts": (text,)}
    assert options(Kinds, "parts").take({"parts": ["of may, july", "c"]}) == {"parts": ("of may", "july", "c")}


def test_every_command_has_help():
    for command in typer.main.get_command(app).commands.values():
        assert command.help
        assert all(parameter.help for parameter in command.params)


TWICE = [
    *((["pick", "a.mrc", f"--{field}", "x"], f"{field}=y", f"--{field} x") for field in network_fields()),
    (["pick", "a.mrc", "--diameter", "100"], "diameter=120", "--diameter 100"),
    (["pick", "--project", "p", "a.mrc", "--min-distance", "50"], "min_distance=60", "--min-distance 50"),
    (["pick", "a.mrc", "--no-invert"], "invert=true", "--no-invert"),
    (["pick", "a.mrc", "--device", "cpu"], "device=cpu", "--device cpu"),
    (["project", "p", "a.mrc", "--threshold", "0.4"], "threshold=0.5", "--threshold 0.4"),
    (["harvest", "a.mrc", "--detector", "x"], "detector=y", "--detector x"),
    (["average", "a.mrc", "--picker", "log", "--diameter", "100"], "diameter=120", "--diameter 100"),
]


@pytest.mark.parametrize(("words", "own", "other"), TWICE)
def test_a_setting_that_is_given_in_both_ways_is_an_error_that_names_both(
    words: list[str], own: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main([*words, "--option", own])
    said = " ".join(capsys.readouterr().err.split())
    assert "are the same setting" in said
    assert f"{other} are" in said
    assert f"--option {own.partition('=')[0]}=" in said
    assert not list(tmp_path.iterdir())
