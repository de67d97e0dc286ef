"""Segmenters: guided on images by a prior, or ready made, and applied to folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.api.encoders import AnyEncoder
from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run, drain
from napari_localdisc.batch.run_files import BatchReport, RunOptions
from napari_localdisc.core.guidance.config import Guidance, GuideConfig
from napari_localdisc.core.priors import Place
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.files.discovery import Choice
from napari_localdisc.formats.further.registry import chosen_outputs
from napari_localdisc.formats.images import find_images
from napari_localdisc.stores import segmenters as stored
from napari_localdisc.stores.chosen_encoder import AUTO
from napari_localdisc.tasks.guide import guide_on_files, guide_on_planes
from napari_localdisc.tasks.segment import segment_files

Pixels = npt.NDArray[np.generic]
OnProgress = Callable[[Progress], object] | None
Paths = str | Path | Sequence[str | Path]


def load_segmenter(name_or_path: str | Path, device: str = "auto") -> Segmenter:
    """Load a segmenter.

    Parameters
    ----------
    name_or_path : str or Path
        ``"lungs"``, ``"optic-disc"``, ``"optic-cup"`` or ``"vessels"``, which come with the
        package, or a file.
    device : str
        Where it computes: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.

    Raises
    ------
    LocaldiscError
        If there is no such segmenter or device, or the file is damaged.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> from napari_localdisc.core.phantoms import xray_phantom
    >>> found = ld.load_segmenter("lungs").segment(xray_phantom(0, 128).image)
    >>> found.targets, found.labels.shape, found.probabilities.shape
    (('lungs',), (128, 128), (2, 128, 128))
    """
    return stored.load_segmenter(name_or_path).to(resolve_device(device))


def guide(
    images: Sequence[Pixels] | Paths,
    prior: Prior | str | Path,
    encoder: AnyEncoder = None,
    seed: int = 0,
    on_progress: OnProgress = None,
    *,
    place: Place = "auto",
    quick: bool = False,
    device: str = "auto",
) -> Guidance:
    """Fit a segmenter to unlabelled images, so that its masks follow a prior.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C); or path, or sequence of paths
        Arrays, or files and folders of images. One image is enough; more are better.
    prior : Prior, str or Path
        A prior, or what `Prior.simulate` or `Prior.load` takes.
    encoder : Encoder, EncoderChoice, str or Path, optional
        As `load_encoder` returns or takes it; ``"auto"``, by the first image, if not given.
    seed : int
        The same seed on the same machine gives the same segmenter.
    on_progress : callable, optional
        Called with every `Progress`; those of stage ``"preview"`` hold the first image's mask.
    place : {"auto", "drawn", "free"}
        Where the structure lies: as the masks of the prior lie, anywhere, or as they tell.
    quick : bool
        Seconds instead of minutes, and less exact.
    device : str
        As `load_segmenter` takes it.

    Returns
    -------
    Guidance
        ``segmenter`` is ready to use; ``warnings`` says what looks wrong, and which files could not
        be read; ``kl`` is the divergence in nats between its masks and the prior.

    Raises
    ------
    LocaldiscError
        If there is no image, or prior, encoder or device are not there.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> from napari_localdisc.core.phantoms import xray_phantom
    >>> images = [xray_phantom(seed, 64).image for seed in range(2)]
    >>> found = ld.guide(images, ld.Prior.simulate("lungs", 4), quick=True)
    >>> found.segmenter.segment(images[0]).labels.shape
    (64, 64)
    """
    return drain(
        guide_steps(images, prior, encoder, seed, place=place, quick=quick, device=device),
        on_progress,
    )


def guide_steps(
    images: Sequence[Pixels] | Paths,
    prior: Prior | str | Path,
    encoder: AnyEncoder = None,
    seed: int = 0,
    *,
    place: Place = "auto",
    quick: bool = False,
    device: str = "auto",
) -> Run[Guidance]:
    """Guide as `guide` does; a generator of `Progress` that returns the guidance."""
    effort = GuideConfig.quick() if quick else GuideConfig()
    config = effort.model_copy(update={"seed": seed, "place": place})
    chosen = AUTO if encoder is None else encoder
    if isinstance(images, str | Path) or any(isinstance(one, str | Path) for one in images):
        files = find_images(_paths(images))
        found = yield from guide_on_files(files, prior, chosen, config, device)
    else:
        arrays = [np.asarray(image) for image in images]
        found = yield from guide_on_planes(arrays, prior, chosen, config, device)
    passed_over = (f"passed over: {error}" for error in found.passed_over)
    return replace(found.guidance, warnings=(*passed_over, *found.guidance.warnings))


def segment_folder(
    images: Paths,
    output: str | Path,
    segmenter: Segmenter | str | Path,
    on_progress: OnProgress = None,
    *,
    recursive: bool = False,
    confidence: bool = False,
    also: Sequence[str] = (),
    overwrite: bool = False,
    device: str = "auto",
) -> BatchReport:
    """Segment a folder of images into a folder of masks.

    Beside the masks it writes ``report.csv``, ``overview.png`` and ``recipe.json``. The same call
    again goes on where the last one ended, however it ended.

    Parameters
    ----------
    images : path, or sequence of paths
        Folders and files: pictures, TIFF, NIfTI and DICOM.
    output : str or Path
        Folder of the results; made if it is not there.
    segmenter : Segmenter, str or Path
        A segmenter, or what `load_segmenter` takes.
    on_progress : callable, optional
        Called with a `Progress` for each file, whose payload is its `FileResult`.
    recursive : bool
        Take images from sub-folders, too; results keep their sub-folders.
    confidence : bool
        Write for each mask a file that says how sure every pixel is.
    also : sequence of str
        Write masks in other formats, too: "coco", "geojson", "nifti", "omezarr".
    overwrite : bool
        Replace results of other settings in the output folder; no other file.
    device : str
        As `load_segmenter` takes it.

    Returns
    -------
    BatchReport
        ``results`` has a `FileResult` for each file, ``failed`` those with an error.

    Raises
    ------
    LocaldiscError
        If there is no image, no file at all could be segmented, or the output folder holds other
        files in the place of results.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import napari_localdisc as ld
    >>> from napari_localdisc.datasets.phantom_files import write_phantoms
    >>> folder = Path(tempfile.mkdtemp())
    >>> phantoms = write_phantoms(folder, "chest-xray", 2, 96)
    >>> report = ld.segment_folder(phantoms.images, folder / "masks", "lungs")
    >>> [result.status for result in report.results]
    ['done', 'done']
    """
    steps = segment_folder_steps(
        images,
        output,
        segmenter,
        recursive=recursive,
        confidence=confidence,
        also=also,
        overwrite=overwrite,
        device=device,
    )
    return drain(steps, on_progress)


def segment_folder_steps(
    images: Paths,
    output: str | Path,
    segmenter: Segmenter | str | Path,
    *,
    recursive: bool = False,
    confidence: bool = False,
    also: Sequence[str] = (),
    overwrite: bool = False,
    device: str = "auto",
) -> Run[BatchReport]:
    """Segment as `segment_folder` does; a generator of `Progress` that returns the report."""
    choice, given = Choice(recursive, volumes=True), _paths(images)
    files, where = choice.find(given), resolve_device(device)
    ready = segmenter if isinstance(segmenter, Segmenter) else stored.load_segmenter(segmenter)
    options = RunOptions(choice.kept_folders(given), overwrite, also=chosen_outputs(also))
    run = {"device": str(where)}
    return (yield from segment_files(files, ready, Path(output), where, run, options, confidence))


def _paths(paths: Paths | Sequence[object]) -> list[Path]:
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    wrong = next((one for one in given if not isinstance(one, str | Path)), None)
    if wrong is not None:
        raise LocaldiscError(
            f"expected paths of images, got {type(wrong).__name__} among them; give paths alone."
        )
    return [Path(str(one)) for one in given]
