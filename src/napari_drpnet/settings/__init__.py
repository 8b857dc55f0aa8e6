"""Every parameter once: its type, default, bounds, unit and help text.

Forms, tooltips, command-line help and the file that records a run all read these models.
The unit of a length is in ``json_schema_extra["unit"]``; an unknown name in a settings file is an error.
"""

from napari_drpnet.settings.assessment import (
    AssessSettings,
    ConeSettings,
    GrowthSettings,
    HalfMapSettings,
    PickedSettings,
    ViewSettings,
)
from napari_drpnet.settings.averaging import AveragingSettings
from napari_drpnet.settings.base import (
    AUTO,
    DEFAULT_PICKER,
    EVEN,
    NO_PICK,
    USUAL_DIAMETER,
    USUAL_DISTANCE,
    WEIGHTS,
    AnyGrey,
    Device,
    Grey,
    Settings,
    ThresholdValue,
    extra_of,
    file_fields,
    network,
    networks_of,
    plain_type,
    sentence,
    validated,
)
from napari_drpnet.settings.benchmark import BenchmarkSettings, CountingSettings, LabelledSetSettings
from napari_drpnet.settings.benchmark_result import (
    BenchmarkResult,
    EntryFacts,
    KnownFigure,
    NotScored,
    ScoredMicrograph,
    SetFacts,
)
from napari_drpnet.settings.centerpicker import CenterPickerSettings, CenterPickerTrainSettings
from napari_drpnet.settings.comparison import ComparisonSettings, ConsensusSettings
from napari_drpnet.settings.conversion import ConversionSettings
from napari_drpnet.settings.decision import Decision, Evidence, KnownHalves
from napari_drpnet.settings.deepcryopicker import DeepCryoPickerPaperSettings, DeepCryoPickerSettings
from napari_drpnet.settings.log import LoGSettings
from napari_drpnet.settings.masks import MaskSettings
from napari_drpnet.settings.picking import (
    PARTS,
    QUEUES,
    DRPnetPaperSettings,
    DRPnetSettings,
    EvaluationSettings,
    PickerSettings,
    PickRun,
    PreprocessSettings,
)
from napari_drpnet.settings.pixer import PixerSettings, PixerTrainSettings
from napari_drpnet.settings.project import SHARED, ProjectSettings
from napari_drpnet.settings.reconstruction import ReconstructionSettings
from napari_drpnet.settings.retraining import HarvestSettings, RetrainSettings
from napari_drpnet.settings.sharing import ExportSettings
from napari_drpnet.settings.simulation import SimulationSettings
from napari_drpnet.settings.template import TEMPLATE_PICKER, TemplateSetSettings, TemplateSettings
from napari_drpnet.settings.training import (
    FINE_TUNING,
    AnySet,
    PreparedSet,
    PrepareSettings,
    SimulatedSet,
    TrainingSet,
    TrainSettings,
)

__all__ = [
    "AUTO",
    "DEFAULT_PICKER",
    "EVEN",
    "FINE_TUNING",
    "NO_PICK",
    "PARTS",
    "QUEUES",
    "SHARED",
    "TEMPLATE_PICKER",
    "USUAL_DIAMETER",
    "USUAL_DISTANCE",
    "WEIGHTS",
    "AnyGrey",
    "AnySet",
    "AssessSettings",
    "AveragingSettings",
    "BenchmarkResult",
    "BenchmarkSettings",
    "CenterPickerSettings",
    "CenterPickerTrainSettings",
    "ComparisonSettings",
    "ConeSettings",
    "ConsensusSettings",
    "ConversionSettings",
    "CountingSettings",
    "DRPnetPaperSettings",
    "DRPnetSettings",
    "Decision",
    "DeepCryoPickerPaperSettings",
    "DeepCryoPickerSettings",
    "Device",
    "EntryFacts",
    "EvaluationSettings",
    "Evidence",
    "ExportSettings",
    "Grey",
    "GrowthSettings",
    "HalfMapSettings",
    "HarvestSettings",
    "KnownFigure",
    "KnownHalves",
    "LabelledSetSettings",
    "LoGSettings",
    "MaskSettings",
    "NotScored",
    "PickRun",
    "PickedSettings",
    "PickerSettings",
    "PixerSettings",
    "PixerTrainSettings",
    "PrepareSettings",
    "PreparedSet",
    "PreprocessSettings",
    "ProjectSettings",
    "ReconstructionSettings",
    "RetrainSettings",
    "ScoredMicrograph",
    "SetFacts",
    "Settings",
    "SimulatedSet",
    "SimulationSettings",
    "TemplateSetSettings",
    "TemplateSettings",
    "ThresholdValue",
    "TrainSettings",
    "TrainingSet",
    "ViewSettings",
    "extra_of",
    "file_fields",
    "network",
    "networks_of",
    "plain_type",
    "sentence",
    "validated",
]
