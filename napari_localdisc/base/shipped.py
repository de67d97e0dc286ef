"""What comes with the package: encoders and segmenters, a ``.safetensors`` file each.

To add one, put its file into the folder: its name is its file's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Shipped:
    """Files of a kind that come with the package.

    Attributes
    ----------
    kind : str
        What the files are, for example ``"encoder"``.
    folder : Path
        Where they lie.
    """

    kind: str
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Names by which they are asked for."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.safetensors")))

    def find(self, name_or_path: str | Path) -> Path:
        """Find a shipped file by its name, or any by its path.

        Raises
        ------
        LocaldiscError
            If there is no such file.
        """
        if str(name_or_path) in self.names:
            return self.folder / f"{name_or_path}.safetensors"
        path = Path(name_or_path)
        if not path.exists():
            raise LocaldiscError(
                f"{self.kind} {str(name_or_path)!r} is neither shipped"
                f" ({', '.join(self.names) or 'none'}) nor a file; give one of these names or a"
                " path to a .safetensors file."
            )
        return path


ENCODERS = Shipped("encoder", _PACKAGE / "encoders")
SEGMENTERS = Shipped("segmenter", _PACKAGE / "segmenters")
