from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.datasets.classes import read_classes

FILES = [Path("a/normal_1.png"), Path("a/glaucoma_2.nii.gz"), Path("b/other.png")]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "classes.csv"


class TestNames:
    def test_the_group_is_the_class(self):
        found = read_classes("^(normal|glaucoma)", FILES)
        assert found == {FILES[0]: "normal", FILES[1]: "glaucoma"}

    def test_the_ending_of_the_image_does_not_count(self):
        assert read_classes(r"_(\d)$", FILES) == {FILES[0]: "1", FILES[1]: "2"}

    @pytest.mark.parametrize(
        ("spec", "named"),
        [
            ("(normal", "no regular expression"),
            ("normal", "have 0 groups; expected exactly one"),
            ("(n)(o)", "have 2 groups"),
            ("^(kidney)", "none of the 3 images a class, for example not normal_1.png"),
        ],
    )
    def test_what_is_wrong_is_told(self, spec: str, named: str):
        with pytest.raises(LocaldiscError, match=named):
            read_classes(spec, FILES)


class TestTable:
    def test_by_path_name_or_stem(self, table: Path):
        table.write_text("class,file\nx,a/normal_1.png\ny,glaucoma_2.nii.gz\nz,other\n")
        assert read_classes(str(table), FILES) == dict(zip(FILES, "xyz", strict=True))

    def test_spaces_a_mark_of_excel_and_empty_cells(self, table: Path):
        table.write_text("file,class\nnormal_1.png, x \nother.png,\n", "utf-8-sig")
        assert read_classes(str(table), FILES) == {FILES[0]: "x"}

    @pytest.mark.parametrize(
        ("content", "named"),
        [("name,label\na,b\n", "lack the columns"), ("", "lack the columns"), (None, "cannot be")],
    )
    def test_what_is_wrong_is_told(self, table: Path, content: str | None, named: str):
        if content is not None:
            table.write_text(content)
        with pytest.raises(LocaldiscError, match=rf"classes\.csv.*{named}|{named}"):
            read_classes(str(table), FILES)
