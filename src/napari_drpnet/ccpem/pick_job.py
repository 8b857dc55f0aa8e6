"""The job that picks particles, as the pipeliner knows it: inputs, command, output, results."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pipeliner.data_structure import (
    AUTOPICK_DIR,
    NODE_MICROGRAPHCOORDSGROUP,
    NODE_MICROGRAPHGROUPMETADATA,
)
from pipeliner.deposition_tools.onedep_deposition_objects import OneDepDepositionObject
from pipeliner.external_program_utils import ExternalProgram
from pipeliner.job_options import (
    EXT_STARFILE,
    FileDescription,
    InputNodeJobOption,
    JobOption,
    JobOptionValidationResult,
    MultipleChoiceJobOption,
)
from pipeliner.node_factory import create_node
from pipeliner.nodes import Node
from pipeliner.pipeliner_job import PipelinerCommand, PipelinerJob, Ref
from pipeliner.results_display_objects import ResultsDisplayObject

from napari_drpnet import jobs
from napari_drpnet.ccpem.options import common_options, file_options, given, help_of, job_option, label_of
from napari_drpnet.ccpem.outcome import Outcome
from napari_drpnet.ccpem.results import displays
from napari_drpnet.errors import SettingsError, UserError
from napari_drpnet.jobs.pick_report import LIST
from napari_drpnet.pickers.protocol.registry import available_pickers, picker_settings
from napari_drpnet.settings import DEFAULT_PICKER, PickerSettings, PickRun

# Fields of a run that are inputs, beside the picker's own.
_RUN = ("pixel_size", "keep_unproved")
_PROGRAM = "napari-drpnet"
_PAPER = Ref(
    authors=["Nguyen NP", "Ersoy I", "Gotberg J", "Bunyak F", "White TA"],
    title="DRPnet: automated particle picking in cryo-electron micrographs using deep regression",
    journal="BMC Bioinformatics",
    year="2021",
    volume="22",
    pages="55",
    doi="10.1186/s12859-020-03948-x",
)


class PickJob(PipelinerJob):  # type: ignore[misc]  # the pipeliner is not there where types are checked
    """Automated particle picking by any picker of this package."""

    PROCESS_NAME: ClassVar[str] = "napari_drpnet.autopick"
    OUT_DIR: ClassVar[str] = AUTOPICK_DIR
    CATEGORY_LABEL: ClassVar[str] = "Automated Particle Picking"

    def __init__(self) -> None:
        super().__init__()
        self._describe()
        self.can_continue = True
        # A schedule that is repeated picks the micrographs that have come since.
        self.always_continue_in_schedule = True
        self.joboptions["fn_mics"] = InputNodeJobOption(
            label="Input micrographs:",
            node_type=NODE_MICROGRAPHGROUPMETADATA,
            node_kwds=["relion"],
            pattern=FileDescription("Micrographs STAR file", EXT_STARFILE),
            help_text="STAR file that lists the micrographs, best after CTF estimation.",
            is_required=True,
        )
        self.joboptions["picker"] = MultipleChoiceJobOption(
            label=label_of(PickRun, "picker"),
            choices=available_pickers(),
            default_value=DEFAULT_PICKER,
            help_text=f"{help_of(PickRun, 'picker')} `napari-drpnet pickers` says what each is.",
        )
        self.joboptions |= common_options(PickerSettings)
        self.joboptions |= {name: job_option(PickRun, name) for name in _RUN}
        files = file_options()
        self.joboptions |= files
        self._fields = dict.fromkeys([*_RUN, *PickerSettings.model_fields, *files])
        # The pipeliner's queues ask for it by this name.
        self.joboptions["nr_threads"] = job_option(PickRun, "workers", jobop_group="Running options", in_continue=True)
        self.get_runtab_options(addtl_args=True)
        # Picks of other settings cannot be added to a run.
        self.joboptions["other_args"].in_continue = False
        self.joboptions["other_args"].help_text = (
            "Other settings of the picker, such as: --min_diameter 150 --max_diameter 200. "
            "`napari-drpnet pickers NAME` lists them."
        )

    def _describe(self) -> None:
        info = self.jobinfo
        info.display_name = "napari-drpnet particle picking"
        info.short_desc = "Automated particle picking by networks and classical methods"
        info.long_desc = (
            "Picks particles by trained networks, without training, or by classical methods. Needs the diameter of the "
            "particle. The threshold is chosen for the data set, by what averages of the picks "
            "prove, and the results tell the expected precision and recall."
        )
        info.job_author = "The napari-drpnet developers"
        info.version = "0.1"
        info.documentation = "docs/ccp-em.md of napari-drpnet"
        info.references = [_PAPER]
        program = ExternalProgram(
            _PROGRAM,
            vers_com=[sys.executable, "-m", "napari_drpnet", "--version"],
            vers_regex=re.compile(r"^(?P<v>\d+\.\d+\S*)$", re.MULTILINE),
            onedep_categories={"PARTICLE SELECTION": "em_image_processing"},
        )
        # The job runs by this Python, whether or not the program is on the path.
        program.exe_path = sys.executable
        info.programs = [program]

    def _settings(self) -> dict[str, Any]:
        """What was given of the picker's settings and those of the run, by name."""
        active = [name for name in self._fields if not self.check_joboption_is_now_deactivated(name)]
        return given(self.joboptions, active)

    def create_output_nodes(self) -> None:
        """The coordinates, as RELION's own picking jobs of the pipeliner have them."""
        self.output_nodes.append(self._coordinates())

    def get_current_output_nodes(self) -> list[Node]:
        """The coordinates of a job that was aborted: what is finished is whole."""
        return [self._coordinates()] if Path(self.output_dir, LIST).is_file() else []

    def _coordinates(self) -> Node:
        return create_node(f"{self.output_dir}{LIST}", NODE_MICROGRAPHCOORDSGROUP, ["relion", "autopick"])

    def get_commands(self) -> list[PipelinerCommand]:
        """`relion-job`, which picks into the job's folder as RELION wants it, and goes on with what is there."""
        options = self.joboptions
        command = ["python", "-m", "napari_drpnet", "relion-job"]
        command += ["--in_mics", options["fn_mics"].get_string(), "--o", self.output_dir]
        if not options["nr_threads"].is_blank:
            command += ["--j", options["nr_threads"].get_string()]
        command += ["--picker", options["picker"].get_string()]
        for name, value in self._settings().items():
            command += [f"--{name}", "Yes" if value is True else str(value)]
        return [*self.get_program_version_commands(), PipelinerCommand(command + self.parse_additional_args())]

    def additional_joboption_validation(self) -> list[JobOptionValidationResult]:
        """What is wrong with the settings, as the picker's settings say it themselves."""
        options, wrong = self.joboptions, []
        picker, threads = options["picker"], options["nr_threads"]
        if options["do_queue"].value and threads.is_blank:
            wrong.append(_error([threads], "Queues have to know how many micrographs are worked on at once."))
        try:
            fields = self._settings() | jobs.relion_parameters(self.parse_additional_args())
            for name in _RUN:
                fields.pop(name, None)
            picker_settings(picker.value, **fields)
        except SettingsError as error:
            wrong.append(_error([options[name] for name in error.fields if name in options] or [picker], str(error)))
        except UserError as error:
            wrong.append(_error([picker], str(error)))
        except ValueError as error:  # of quotation marks
            wrong.append(_error([options["other_args"]], f"These cannot be read: {error}."))
        return wrong

    def create_results_display(self) -> Sequence[ResultsDisplayObject]:
        """What was found, in numbers and pictures."""
        return displays(Path(self.output_dir))

    def gather_metadata(self) -> dict[str, Any]:
        """Counts, and what is expected of the picks."""
        return Outcome.read(Path(self.output_dir)).metadata()

    def prepare_onedep_deposition_data(self) -> list[OneDepDepositionObject]:
        """The entry for the deposition of a map."""
        outcome = Outcome.read(Path(self.output_dir))
        data = {
            "details": self.jobinfo.short_desc,
            "method": f"{_PROGRAM}, picker {outcome.picker}",
            "num_particles_selected": str(outcome.picks),
        }
        return [self.add_onedep_deposition_data(category="em_particle_selection", data_dict=data)]


def _error(raised_by: list[JobOption[Any]], message: str) -> JobOptionValidationResult:
    return JobOptionValidationResult("error", raised_by, message)
