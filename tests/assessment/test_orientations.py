import numpy as np
import pytest

from napari_drpnet.assessment.orientations import copies, point_group, unique_views
from napari_drpnet.errors import UserError

ORDERS = {
    "C1": 1,
    "C4": 4,
    "c7": 7,
    "D2": 4,
    "D7": 14,
    "T": 12,
    "O": 24,
    "I": 60,
    "I1": 60,
    "I2": 60,
    "I3": 60,
    "I4": 60,
}


def views(n: int = 200, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ORDERS)
def test_point_groups_are_groups_of_their_order(name: str):
    group = point_group(name).as_matrix()
    assert len(group) == ORDERS[name]
    products = np.einsum("aij,bjk->abik", group, group).reshape(-1, 9)
    gaps = np.abs(products[:, None] - group.reshape(1, -1, 9)).max(axis=2)
    assert gaps.min(axis=1).max() < 1e-9
    np.testing.assert_allclose(np.linalg.det(group), 1)
    np.testing.assert_allclose(group[0], np.eye(3))


@pytest.mark.parametrize("name", ["C4", "D2", "T", "O", "I1"])
def test_views_that_look_alike_become_one(name: str):
    group = point_group(name)
    alike = copies(views(), group)
    for copy in alike:
        np.testing.assert_allclose(unique_views(copy, group), unique_views(views(), group), atol=1e-9)
    # Each part of the sphere is as large as any other.
    inside = np.linalg.norm(unique_views(views(20000), group) - views(20000), axis=1) < 1e-9
    assert inside.mean() == pytest.approx(1 / len(group), rel=0.12)


@pytest.mark.parametrize("name", ["", "C0", "C101", "D", "Cs", "I5", "Th", "C4v", "banana", "C٤"])
def test_other_groups_are_refused(name: str):
    with pytest.raises(UserError, match="no point group"):
        point_group(name)
