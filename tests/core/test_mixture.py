from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.mixture import fit_mixture
from tests.core.blobs import blobs


class TestFitMixture:
    def test_axes_are_principal_components_of_standardised_features(self):
        vectors, _ = blobs()
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = (vectors - mixture.space.mean) @ mixture.space.axes.T
        values = np.sort(np.linalg.eigvalsh(np.corrcoef(vectors.T)))[::-1][:4]
        np.testing.assert_allclose(np.cov(placed.T, bias=True), np.diag(values), atol=1e-3)

    def test_the_variance_is_that_about_the_centres(self):
        vectors, kinds = blobs()
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = mixture.space.place(vectors)
        within = np.mean([placed[kinds == kind].var(axis=0) for kind in range(3)])
        assert mixture.variance == pytest.approx(within, rel=0.05)
