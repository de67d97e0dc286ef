"""A prior of what the images do not show: a plain warning, not confident nonsense."""

import pytest

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.guidance.choose.stage_result import border_warnings
from napari_localdisc.core.guidance.guidance import GuideConfig, guide
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.priors import simulate

CONFIG = GuideConfig.quick().model_copy(update={"size": 128})


@pytest.mark.parametrize(
    ("phantom", "encoder", "there"),
    [(xray_phantom, "chest-xray", True), (fundus_phantom, "fundus", False)],
)
def test_lungs_where_they_are_and_in_fundus_photographs(phantom, encoder, there):
    images = [phantom(seed, 128).image for seed in range(4)]
    guidance = drain(guide(images, simulate("lungs", 8), load_encoder(encoder), CONFIG))
    said = [line for line in guidance.warnings if "hardly show in the images" in line]
    assert len(said) == (0 if there else 1)
    assert guidance.segmenter.warnings == guidance.warnings


def test_the_figure_is_said():
    assert border_warnings(0.3) == ()
    (line,) = border_warnings(0.094)
    assert "0.09" in line
