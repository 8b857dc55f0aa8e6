"""Going from one micrograph to the next, through all or through those of a sequence."""

from napari_drpnet.widgets.session.route import Route

NAMES = ("a", "b", "c", "d")


def test_all_are_gone_through_in_their_order_and_it_ends_at_both_ends():
    route = Route(lambda: NAMES)
    assert route.current == ""
    assert route.neighbour(1) == route.neighbour(-1) == "a"  # from nowhere to the first
    assert route.go("a") == 1
    assert (route.neighbour(-1), route.neighbour(1)) == ("", "b")
    assert route.go("d") == 3
    assert (route.neighbour(-1), route.neighbour(1)) == ("c", "")
    assert route.go("c") == -1


def test_a_sequence_goes_before_and_who_is_not_in_it_comes_to_its_first():
    route = Route(lambda: NAMES)
    route.go("b")
    route.sequence = ["d", "b", "a"]
    assert (route.neighbour(-1), route.neighbour(1)) == ("d", "a")
    assert route.go("c") == -2
    assert route.neighbour(1) == "d"  # the first of the sequence
    route.sequence = ()
    assert (route.neighbour(-1), route.neighbour(1)) == ("b", "d")


def test_without_names_there_is_no_neighbour():
    assert Route(tuple).neighbour(1) == ""
