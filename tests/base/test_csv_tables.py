from __future__ import annotations

from napari_localdisc.base.csv_tables import csv_line, csv_table


def test_commas_and_breaks_stay_within_their_cell():
    assert csv_table(["a", "b"], [("1,2", 3), ("x\ny", None)]) == 'a,b\n"1,2",3\n"x\ny",\n'


def test_a_table_is_its_lines():
    assert csv_table("ab", ["cd"]) == csv_line("ab") + csv_line("cd")
