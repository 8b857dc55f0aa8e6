"""Which micrograph a name means, whoever wrote it."""

import pytest

from napari_drpnet.io.names import alike


@pytest.mark.parametrize(
    ("names", "micrograph", "meant"),
    [
        (["a.mrc", "b.mrc"], "a.mrc", ["a.mrc"]),
        (["a", "b"], "Micrographs/a.mrc", ["a"]),
        (["Micrographs/a.mrc"], "a", ["Micrographs/a.mrc"]),
        (["000012345678901234567_a_patch_aligned_doseweighted.mrc"], "a.mrc", None),
        (["a.mrc"], "000012345678901234567_a_patch_aligned_doseweighted.mrc", ["a.mrc"]),
        (["one/a.mrc", "two/a.mrc"], "a.mrc", ["one/a.mrc", "two/a.mrc"]),
        (["b.mrc"], "a.mrc", []),
    ],
)
def test_names_that_mean_a_micrograph_from_either_side(names: list[str], micrograph: str, meant: list[str] | None):
    assert alike(names, micrograph) == (names if meant is None else meant)
