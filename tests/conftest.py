from __future__ import annotations

import contextlib
import importlib
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder, save_encoder
from napari_localdisc.core.guidance.guidance import GuideConfig, guide
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.segmenters import save_segmenter


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    """Small tensors gain nothing from threads, and threads that wait for a busy core spin."""
    torch.set_num_threads(1)


def tiny_encoder(channels: int = 1, seed: int = 0) -> Encoder:
    """An untrained encoder: enough to run with, quick to run."""
    torch.manual_seed(seed)
    card = EncoderCard(
        name="tiny",
        modality="phantoms",
        channels=channels,
        scales=(),
        widths=(4, 4),
        embedding_dim=4,
        clusters=3,
        working_size=64,
    )
    return Encoder(card, card.build().eval())


@contextlib.contextmanager
def little_space(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: to a writer that is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user whom permissions bind; root, who ignores them, becomes one."""
    # What commands import when they run may lie where that user cannot read.
    for module in ("tasks.segment_folder", "tasks.evaluate", "reports.bland_altman_plot"):
        importlib.import_module(f"napari_localdisc.{module}")
    importlib.import_module("matplotlib.figure")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if is_root:
                os.seteuid(0)


@pytest.fixture(scope="session")
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a tiny encoder for grey images."""
    path = tmp_path_factory.mktemp("encoders") / "tiny.safetensors"
    save_encoder(tiny_encoder(), path)
    return path


@pytest.fixture(scope="session")
def effort() -> GuideConfig:
    """The least that guidance can do: it finds little, but goes through every stage."""
    return GuideConfig(
        size=64,
        starts=1,
        candidates=4,
        generations=2,
        searches=1,
        denoise_steps=5,
        refine_steps=5,
    )


@pytest.fixture(scope="session")
def segmenter_file(tmp_path_factory: pytest.TempPathFactory, effort: GuideConfig) -> Path:
    """The file of a segmenter of lungs in X-ray phantoms."""
    images = [xray_phantom(seed, 64).image for seed in range(3)]
    prior = simulate("lungs", 4, size=64)
    guidance = drain(guide(images, prior, tiny_encoder(), effort))
    path = tmp_path_factory.mktemp("segmenters") / "lungs.safetensors"
    save_segmenter(guidance.segmenter, path)
    return path


@pytest.fixture
def xray_files(tmp_path: Path) -> list[Path]:
    """Three X-ray phantoms of different sizes."""
    folder = tmp_path / "xrays"
    folder.mkdir()
    paths = [folder / f"xray-{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        PIL.Image.fromarray(xray_phantom(seed, 64 + 8 * seed).image).save(path)
    return paths
