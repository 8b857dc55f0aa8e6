"""How good picks are: matching with the truth, counts, and the precision-recall curve."""

from napari_drpnet.evaluation.counting import Counts
from napari_drpnet.evaluation.curves import Curve
from napari_drpnet.evaluation.matching import match
from napari_drpnet.evaluation.score import Evaluation, Verdict, evaluate

__all__ = ["Counts", "Curve", "Evaluation", "Verdict", "evaluate", "match"]
