"""What SECURITY.md promises of files: none of them can run code. Each call that could is looked for in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_drpnet

PACKAGE = Path(napari_drpnet.__file__).parent
# Between the processes of one run, never from a file that a user names: SECURITY.md says so.
PICKLED = ("jobs/cluster/worker.py", "jobs/cluster/handing.py", "jobs/cluster/team.py")
UNPACKERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
RUNNERS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "runpy.run_path", "runpy.run_module"}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def given(call: ast.Call, name: str) -> object:
    """The value of an argument by its name: None when it is not there, ``...`` when it is no constant."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
    return None


def dangers(code: str, pickled: bool = False) -> Iterator[str]:
    """Calls and imports of a module that could run what a file says."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (
                name for name in names if name.split(".")[0] in UNPACKERS and not (pickled and name == "pickle")
            )
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name in RUNNERS or name.endswith(("read_pickle", "unsafe_load", "full_load", "yaml.load_all")):
            yield name
        if name == "torch.load" and given(node, "weights_only") is not True:
            yield name
        if given(node, "allow_pickle") not in (None, False):
            yield f"{name}(allow_pickle)"
        if name == "yaml.load" and dotted(node.args[1]) != "_Plain":  # derived from SafeLoader
            yield name
        if given(node, "shell") not in (None, False):
            yield f"{name}(shell)"


def test_no_file_that_is_read_can_run_code() -> None:
    names = {file.relative_to(PACKAGE).as_posix(): file for file in PACKAGE.rglob("*.py")}
    assert len(names) > 500
    found = {name: list(dangers(file.read_text(encoding="utf-8"), name in PICKLED)) for name, file in names.items()}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from joblib import load", "torch.load(path)", "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=trusted)", "yaml.load(text, yaml.Loader)",
        "eval(text)", "pd.read_pickle(path)", "subprocess.run(text, shell=True)", "os.system(text)",
    ],
)  # fmt: skip
def test_a_call_that_could_would_be_found(code: str) -> None:
    assert len(list(dangers(code))) == 1


def test_the_loader_of_settings_makes_no_objects() -> None:
    import yaml

    from napari_drpnet.io import fields

    assert issubclass(fields._Plain, yaml.constructor.SafeConstructor)
    with pytest.raises(ValueError, match="line 1"):
        fields.parse("!!python/object/apply:os.getcwd []")


def test_files_named_in_the_exception_are_there() -> None:
    assert all("pickle" in (PACKAGE / name).read_text(encoding="utf-8") for name in PICKLED)
