from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.feature import hessian_matrix, hessian_matrix_eigvals

from napari_localdisc.core.imaging.scale_space import blur, differential, local_jet


def smooth_image(side: int = 128) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((side, side)), 2)
    return (image - image.min()) / np.ptp(image)


@pytest.mark.parametrize(
    ("sigma", "tolerance"), [(0.7, 0.01), (2.0, 0.01), (6.0, 0.03), (24.0, 0.05)]
)
def test_blur_against_scipy(sigma, tolerance):
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((128, 128)), 2)
    image = (image - image.min()) / np.ptp(image)
    wanted = ndimage.gaussian_filter(image, sigma, mode="mirror", truncate=3)
    got = blur(torch.from_numpy(image).float()[None, None], sigma)[0, 0].numpy()
    assert np.abs(got - wanted)[8:-8, 8:-8].max() < tolerance


class TestDifferential:
    def test_against_scikit_image(self):
        image = smooth_image()
        _, slope, high, low = local_jet(torch.from_numpy(image).float()[None, None], 3.0)
        hessian = hessian_matrix(image, sigma=3.0, mode="mirror", use_gaussian_derivatives=False)
        wanted = hessian_matrix_eigvals(hessian) * 3.0**2
        inner = (slice(16, -16), slice(16, -16))
        for got, one in zip((high, low), wanted, strict=True):
            assert np.abs(got[0, 0].numpy() - one)[inner].max() < 0.02 * np.ptp(wanted[0])
        steep = ndimage.gaussian_gradient_magnitude(image, 3.0) * 3.0
        assert np.abs(slope[0, 0].numpy() - steep)[inner].max() < 0.03 * steep.max()

    @pytest.mark.parametrize("sigma", [1.0, 4.0])
    def test_turning_the_picture_turns_the_maps(self, sigma):
        image = torch.from_numpy(smooth_image(64)).float()[None, None]
        turned = differential(torch.rot90(image, 1, (2, 3)), sigma)
        torch.testing.assert_close(
            turned, torch.rot90(differential(image, sigma), 1, (2, 3)), atol=1e-5, rtol=1e-4
        )

    @pytest.mark.parametrize("shape", [(1, 1), (1, 9), (33, 41)])
    def test_any_size(self, shape):
        maps = differential(torch.rand(1, 3, *shape), 8.0)
        assert maps.shape == (1, 12, *shape)
        assert torch.isfinite(maps).all()
