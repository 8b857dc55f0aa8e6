"""Projects: open or make one, and pick its micrographs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.paths import exists, is_file
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.crew import usual_size
from napari_drpnet.jobs.judging import Judgement, by_the_picker, judged_before, kept, with_averages
from napari_drpnet.jobs.pick_progress import Finished
from napari_drpnet.jobs.pick_report import PickReport, PickResult, still_there
from napari_drpnet.jobs.picking import Terms, learn, pick_each
from napari_drpnet.jobs.project_micrograph import ProjectMicrograph, read_whole
from napari_drpnet.jobs.project_results import all_results, settings_told, with_earlier
from napari_drpnet.jobs.project_threshold import bring_there
from napari_drpnet.jobs.run_page.keep import RunPage
from napari_drpnet.jobs.run_page.keep import kept as page_kept
from napari_drpnet.jobs.unpicked import begin, note_picked, outgrown, unpicked
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker, needs_diameter, picker_settings, settings_class
from napari_drpnet.settings import AUTO, SHARED, ProjectSettings, networks_of
from napari_drpnet.steps import Job, finish, translate

_WEIGHTS = ".safetensors"
_SAMPLE = ".sample"
_ANY_DIAMETER = 100.0


def open_project(folder: str | Path, *args: Any, **settings: Any) -> Project:
    """`opening`, without its progress."""
    return finish(opening(folder, *args, **settings))


def opening(
    folder: str | Path,
    inputs: Sequence[str] = (),
    read_only: bool = False,
    options: Mapping[str, Any] | None = None,
    fresh: bool = False,
    **settings: Any,
) -> Job[Project]:
    """Open a project, or make one when there are inputs, and take over the picks that come with them.

    When it is stopped, what was taken over stays, and the next opening goes on with the rest.

    Parameters
    ----------
    folder
        Of the project.
    inputs
        Micrographs, folders, patterns and STAR files, from the working folder; a project that is there gets those
        that it does not have.
    read_only
        Open it without the right to write, so that another window may have it; unless picks are to be taken over.
    options
        Settings of its picker by name, beside those that it has; None as a value means the default again. With
        another picker than before, they begin anew.
    fresh
        Look at every input and every file, also where nothing says that they have changed.
    **settings
        Fields of `ProjectSettings` to set.

    Raises
    ------
    UserError
        When there is neither a project nor an input, or what is given cannot be used.
    """
    folder, options = Path(folder), options or {}
    if not exists(folder / "project.yaml"):
        if not inputs:
            raise UserError(
                f"{folder} is not a project.",
                "Name its micrographs, and it is made: a folder, a pattern or a STAR file.",
            )
        settings = _with_options(ProjectSettings(), settings, options)
        project = Project.create(folder, adopt=False, inputs=tuple(map(str, inputs)), **settings)
        return (yield from _adopting(project))
    project = Project.open(folder, read_only, adopt=False, fresh=fresh)
    if read_only and project.offers:
        project = Project.open(folder, adopt=False, fresh=fresh)
    given = [_from_root(str(text), project.root) for text in inputs]
    more = [text for text in given if text not in project.settings.inputs]
    if more:
        settings["inputs"] = (*project.settings.inputs, *more)
    try:
        settings = _with_options(project.settings, settings, options)
        changed = {name: value for name, value in settings.items() if getattr(project.settings, name, None) != value}
        if "options" in changed:
            networks_in_force(project, changed.get("picker", project.settings.picker), changed["options"])
        if changed:
            project.update(adopt=False, **changed)
    except UserError:
        project.close()
        raise
    return (yield from _adopting(project))


def _adopting(project: Project) -> Job[Project]:
    try:
        yield from project.adopt()
    except BaseException:  # stopped, too: others may open it
        project.close()
        raise
    return project


def _with_options(former: ProjectSettings, settings: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a project with those of its picker, if they can be used."""
    if not options and "picker" not in settings:
        return settings
    settings = settings | {name: value for name, value in options.items() if name in SHARED}
    picker = settings.get("picker", former.picker)
    kept = former.options if picker == former.picker else {}
    merged = kept | {name: _absolute(value) for name, value in options.items() if name not in SHARED}
    own = {name: value for name, value in merged.items() if value is not None}
    picker_settings(picker, **{"diameter": _ANY_DIAMETER, **own})
    return settings | {"options": own}


def _absolute(value: Any) -> Any:
    """A file of weights by its full path, since a project is opened from anywhere; other values as they are."""
    named = isinstance(value, str) and value.endswith(_WEIGHTS) and is_file(value)
    return str(Path(value).absolute()) if named else value


def is_project(folder: str | Path) -> bool:
    """Whether a folder is a project."""
    return exists(Path(folder) / "project.yaml")


def names_of(project: Project, inputs: Sequence[str]) -> list[str]:
    """The micrographs of a project that inputs mean: their names in it, files, folders, patterns, or STAR files.

    Raises
    ------
    UserError
        When one means a micrograph that the project does not have.
    """
    known = {entry.name for entry in project.micrographs}
    by_file = {os.path.realpath(entry.path): entry.name for entry in project.micrographs}
    names: dict[str, None] = {}
    for text in inputs:
        for path in [] if text in known else [entry.path for entry in expand(text)]:
            name = by_file.get(os.path.realpath(path))
            if name is None:
                raise UserError(
                    f"{project.folder} has no micrograph {path}.",
                    f"Add it: napari-drpnet project {project.folder} {text}",
                )
            names[name] = None
        names |= dict.fromkeys({text} & known)
    return list(names)


def _from_root(text: str, root: Path) -> str:
    """An input as it reads from a project's root instead of the working folder."""
    if Path(text).is_absolute() or Path.cwd() == root:
        return text
    return Path(os.path.relpath(text, root)).as_posix()


def project_picker(
    project: Project, use: Mapping[str, str | None] | None = None, picker: str | None = None, **settings: Any
) -> LoadedPicker:
    """The picker of a project, with its settings and networks.

    Parameters
    ----------
    project
        Whose settings count.
    use
        Names of other networks by the field of the picker's settings, as `RetrainReport.use` has them; None as a name
        means the default.
    picker
        Name of another one, which then has only what all pickers of the project have, such as the diameter.
    **settings
        What goes before those of the project, and what they do not say: ``device``, ``memory``, ``border``.

    Raises
    ------
    UserError
        When the diameter is not known, or a setting or network cannot be used.
    """
    chosen = project.settings
    own_options = chosen.options if picker in (None, chosen.picker) else {}
    picker = picker or chosen.picker
    options = with_networks(own_options, use or {})
    own = {name: getattr(chosen, name) for name in SHARED}
    own |= {name: _located(project, value) for name, value in options.items()}
    own |= networks_in_force(project, picker, options) | settings
    told = {name: value for name, value in own.items() if value is not None}
    if needs_diameter(picker) and "diameter" not in told:
        raise UserError(
            f"{project.folder} does not say how large the particle is.",
            "Give its diameter in Angstrom (--diameter).",
        )
    return load_picker(picker, **told)


def _located(project: Project, value: Any) -> Any:
    """A file of weights where it is: a relative one starts in the project's folder; other values as they are."""
    return str(project.folder / value) if isinstance(value, str) and value.endswith(_WEIGHTS) else value


def with_networks(options: Mapping[str, Any], use: Mapping[str, str | None]) -> dict[str, Any]:
    """Settings of a project's picker with other networks, by field; None as a name means the default."""
    return {name: value for name, value in (dict(options) | dict(use)).items() if value is not None}


def networks_in_force(project: Project, picker: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What the picker loads for the networks that its settings in a project name, by field.

    Raises
    ------
    UserError
        When the project has no such network.
    """
    fields = networks_of(settings_class(picker))
    return {name: project.weights(options[name], fields[name]) for name in fields if options.get(name)}


def pick_project(
    project: Project,
    names: Sequence[str] | None = None,
    workers: int | None = None,
    again: bool = True,
    **settings: Any,
) -> Job[PickReport]:
    """Pick micrographs of a project, and keep every label.

    What a person said stays, and the picker's picks near it give way. A micrograph that cannot be picked is reported
    and the others go on; those that are finished stay when the run is stopped. A picker that learns without labels does
    so first, see `learn_project`.

    Parameters
    ----------
    project
        Open, and not for reading only.
    names
        Of the micrographs; None for all.
    workers
        How many micrographs are worked on at once. Default: as many as there are processor cores.
    again
        Pick also those that were picked with the same settings; else only new ones, see `unpicked`.
    **settings
        Of the picker, beside those of the project.

    Raises
    ------
    UserError
        For unusable settings, or when the project cannot be written.
    """
    project.require_writable()
    with page_kept(RunPage(project.folder, partial(settings_told, project))) as page:
        return (yield from _pick_project(project, names, workers, again, settings, page))


def _pick_project(
    project: Project,
    names: Sequence[str] | None,
    workers: int | None,
    again: bool,
    settings: Mapping[str, Any],
    page: RunPage,
) -> Job[PickReport]:
    """`pick_project`, with a page that is written now and then."""
    picker, start = project_picker(project, **settings), time.perf_counter()
    asked = [entry.name for entry in project.micrographs] if names is None else [project.entry(n).name for n in names]
    if (yield from learn_project(project, picker)):
        again = True
    if not again:
        yield from bring_there(project, asked)
    wanted = asked if again else unpicked(project, picker, asked)
    if again:
        known = project_judgement(project, picker, len(wanted))
    else:  # the others keep their picks, and so their threshold
        known = None if outgrown(project, picker) else project_judgement(project, picker)
    decided = [known] if known else []

    def tell(judgement: Judgement) -> None:
        decided.append(kept(judgement, project.folder))
        update = {"decision": decided[-1].decision, "left_out": {}}  # who was doubted was so by another measure
        project.keep_evidence(project.evidence.model_copy(update=update))

    terms = Terms(
        project.folder / _SAMPLE,
        known,
        project.settings.keep_unproved,
        tell,
        workers or usual_size(),
    )
    items = [ProjectMicrograph(project, picker, name).item for name in wanted]
    noted: list[PickResult] = []
    begin(project, picker, anew=known is None and picker.auto)
    try:
        names = [row.name for row in project.rows()]
        page.follow(partial(all_results, project, noted), names, partial(read_whole, project), noted.__len__)
        new = Finished(noted.append, len(asked) - len(items), len(asked))
        work = pick_each(picker, items, new.note, terms)
        results = yield from translate(work, lambda step: new.told(page.beside(step)))
    finally:
        _keep_doubts(project, noted)
        note_picked(project, {result.micrograph for result in noted if not result.error})
    now = still_there(results)
    if now != results:
        project.refresh()
    now = with_earlier(project, asked, now)
    decision = decided[-1].decision if decided else None
    return PickReport(project.folder, tuple(now), decision, known is not None, time.perf_counter() - start)


def project_judgement(project: Project, picker: LoadedPicker, wanted: int | None = None) -> Judgement | None:
    """What was decided for the data set of a project, if it holds for a picker.

    Parameters
    ----------
    project, picker
        Whose.
    wanted
        How many micrographs are to be picked: what was decided on fewer, and not on enough, is decided anew.
    """
    judgement = with_averages(judged_before(project.evidence.decision, picker), picker, project.folder)
    if judgement is None or wanted is None or not picker.auto:
        return judgement
    known = judgement.decision
    return judgement if known.enough or wanted <= known.micrographs else None


def _keep_doubts(project: Project, results: Sequence[PickResult]) -> None:
    """Remember on which micrographs nothing proves the picks, and on which that is no longer so."""
    known = project.evidence
    picked = {result.micrograph for result in results if not result.error}
    doubts = {name: doubt for name, doubt in known.left_out.items() if name not in picked}
    doubts |= {result.micrograph: result.doubt for result in results if result.doubt}
    if doubts != known.left_out:
        project.keep_evidence(known.model_copy(update={"left_out": doubts}))


def threshold_in_force(project: Project) -> float | None:
    """In the picker's own probability, as far as files know it; None where it was chosen for each micrograph."""
    asked, decision = project.settings.threshold, project.evidence.decision
    if asked == AUTO:
        return None if decision is None else decision.probability
    return float(asked) if decision is None else by_the_picker(decision, float(asked))


def learn_project(project: Project, picker: LoadedPicker) -> Job[bool]:
    """Let a picker that learns without labels do so from all micrographs of a project, which keeps what was learnt.

    It is in ``networks/``, and the project's settings name it; so it is learnt once. Others need nothing.
    """
    every = [partial(project.read_micrograph, entry.name) for entry in project.micrographs]
    file = f"networks/{picker.name}{_WEIGHTS}"
    learnt = yield from learn(picker, every, project.folder / file)
    if learnt:
        project.update(options=project.settings.options | {"weights": file})
    return learnt
