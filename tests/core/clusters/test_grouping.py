from __future__ import annotations

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.clusters.grouping import Grouping


@pytest.fixture
def grouping():
    return Grouping(5)


def test_groups_go_by_the_cluster_merged_into(grouping):
    grouping.merge(2, into=4)
    grouping.merge(4, into=1)
    assert grouping.lookup.tolist() == [0, 1, 1, 3, 1, 5]
    assert grouping.members(1) == [1, 2, 4]


def test_everything_can_be_taken_back_in_turn(grouping):
    assert not grouping.can_undo
    grouping.merge(2, into=4)
    grouping.rename(4, "lung")
    grouping.merge(3, into=4)
    grouping.undo()
    assert grouping.lookup.tolist() == [0, 1, 4, 3, 4, 5]
    assert grouping.name(4) == "lung"
    grouping.undo()
    assert grouping.name(4) == "Cluster 4"
    grouping.undo()
    assert grouping.lookup.tolist() == [0, 1, 2, 3, 4, 5]
    assert not grouping.can_undo


def test_names_can_be_taken_away(grouping):
    grouping.rename(2, " heart ")
    assert grouping.names == {2: "heart"}
    grouping.rename(2, "")
    assert grouping.names == {}
    assert grouping.name(2) == "Cluster 2"


def test_a_name_that_changes_nothing_is_nothing_to_undo(grouping):
    grouping.rename(2, "Cluster 2")
    assert not grouping.can_undo


@pytest.mark.parametrize(("label", "into"), [(1, 1), (2, 1), (1, 2), (6, 1), (0, 1)])
def test_what_is_no_group_cannot_be_merged(grouping, label, into):
    grouping.merge(2, into=3)
    with pytest.raises(LocaldiscError, match="luster"):
        grouping.merge(label, into)


def test_the_recipe_says_what_was_merged_and_named(grouping):
    grouping.merge(2, into=4)
    grouping.rename(4, "lung")
    assert grouping.recipe() == {"merged": {"4": [2]}, "names": {"4": "lung"}}
