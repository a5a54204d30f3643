"""One photograph through the model: the whole path, from a file's bytes to pixels in colour."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from os import PathLike
from typing import IO, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.contract import Contract, FlexibleSize
from toolkit.errors import ToolkitError, UnusableModel, UsageError, one_of
from toolkit.runtime import finished, image_model
from toolkit.runtime import photo as photos
from toolkit.runtime.compose import Pixels, Put, compose
from toolkit.runtime.encode import QUALITY
from toolkit.runtime.formats import Format
from toolkit.runtime.given import photo_of_array, photo_of_image
from toolkit.runtime.guided import lines
from toolkit.runtime.jpeg_bands import BAND
from toolkit.runtime.levels import Gray
from toolkit.runtime.models import DEFAULT, find
from toolkit.runtime.ordered import ordered
from toolkit.runtime.photo import MAX_MEGAPIXELS, Photo
from toolkit.runtime.resample import lightness, network_size
from toolkit.runtime.restore import Restorer
from toolkit.runtime.session import Network, Session
from toolkit.runtime.tasks import TASKS
from toolkit.runtime.threads import available_threads
from toolkit.runtime.tint import has_colors

__all__ = ["KEEP", "UPSAMPLE", "Colorizer", "Result", "colorize"]

Source: TypeAlias = str | PathLike[str] | bytes
Predicted: TypeAlias = NDArray[Any]
"""What a network says: float32 a* and b*, or the finished pixels of an image model."""
UPSAMPLE = ("bilinear", "guided")
KEEP = ("auto", "never")

_IN_COLOR = (
    "it is in colour already and keeps its colours; --keep-original-color never changes that"
)
_EIGHT_BITS = "an image model sees and gives 8 of its 16 bits; a tensor model keeps them all"


class Colorizer:
    """A model that colours photographs. Make it once; threads may share it.

    Parameters
    ----------
    model : str, path or Network
        A name (``default``), a bundle folder, or an ONNX file; or what runs elsewhere.
    strength : float
        Factor of the colours, 0..2: 0 leaves the photograph gray.
    size : int, optional
        Short side at which the network sees the photograph, in pixels; rounded to what the
        model takes. By default the model's preferred one.
    upsample : str, optional
        ``bilinear``, or ``guided``, which keeps colours from bleeding over edges; by default
        what the model's contract names.
    tta : bool
        Look at the photograph and at its mirror image, and take the mean.
    restore : str or path, optional
        A model for the task ``luma`` that sharpens the light first; its L* is then kept.
    keep_original_color : str
        ``auto``: a file that is in colour already keeps its colours. ``never``: it is coloured
        anew from its luminance. Images and arrays are always coloured.
    threads : int, optional
        By default those that this process may use.
    providers : sequence of str, optional
        Execution providers of onnxruntime, best first; by default the CPU.
    max_megapixels : float
        Larger photographs are refused.

    Raises
    ------
    UnusableModel
        If the model cannot be used.
    UsageError
        If the model's name is unknown or a value is out of range.

    Examples
    --------
    >>> from toolkit import Colorizer
    >>> Colorizer("default").colorize("grandma.jpg").save("grandma-color.jpg")
    """

    def __init__(
        self,
        model: str | PathLike[str] | Network = DEFAULT,
        *,
        strength: float = 1.0,
        size: int | None = None,
        upsample: str | None = None,
        tta: bool = False,
        restore: str | PathLike[str] | None = None,
        keep_original_color: str = "auto",
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        if not 0 <= strength <= 2:
            raise UsageError(f"strength is {strength}; it goes from 0 to 2")
        if threads is not None and threads < 1:
            raise UsageError(f"threads is {threads}; at least 1 is needed")
        self.threads = threads or available_threads()
        if keep_original_color not in KEEP:
            raise one_of("choice for keeping colours", keep_original_color, KEEP)
        if upsample not in (None, *UPSAMPLE):
            raise one_of("upsampling", str(upsample), UPSAMPLE)
        self._keep_color = keep_original_color == "auto"
        self._upsample, self._tta = upsample, tta
        self._max_megapixels = max_megapixels
        self._session: Network
        if isinstance(model, str | PathLike):
            found = find(model)
            name, strength = str(found.path), strength * found.strength
            self._session = Session(found.read(), name, threads=self.threads, providers=providers)
        else:
            self._session, name = model, model.contract.model
        self._strength = strength
        if self.contract.task not in TASKS:
            raise UnusableModel(
                f"{name}: this program colours with models for the tasks "
                f"{', '.join(TASKS)}; this one is for the task {self.contract.task}"
            )
        self._pixels = self.contract.boundary == "image"
        if self._pixels:
            image_model.refuse_options(
                strength=self._strength, size=size, upsample=upsample, tta=tta
            )
        self._task = TASKS[self.contract.task]
        self._restore = (
            Restorer(restore, threads=self.threads, providers=providers) if restore else None
        )
        self._size = self._legal(size)

    @property
    def contract(self) -> Contract:
        """What the model takes and gives."""
        return self._session.contract

    @property
    def restorer(self) -> Contract | None:
        """The same of the model that sharpens the light first, if there is one."""
        return self._restore.contract if self._restore else None

    @overload
    def colorize(self, image: str | PathLike[str] | Image.Image) -> Image.Image: ...
    @overload
    def colorize(self, image: bytes) -> bytes: ...
    @overload
    def colorize(self, image: Pixels) -> Pixels: ...
    def colorize(self, image: Source | Image.Image | Pixels) -> Image.Image | bytes | Pixels:
        """Colour a photograph.

        Parameters
        ----------
        image : path, bytes, PIL.Image.Image, or ndarray
            An array is uint8 or uint16 in sRGB, shape (H, W) or (H, W, 3). Of a picture in
            colours only the luminance is used.

        Returns
        -------
        image : PIL.Image.Image, bytes, or ndarray
            An image for a path or an image; bytes of a file in the same format, with its
            metadata, for bytes; an array of the same type, shape (H, W, 3), for an array.

        Raises
        ------
        UnusableInput
            If the photograph cannot be read.
        UnusableModel
            If the model fails on it.
        """
        if isinstance(image, np.ndarray):
            photo = self._restored(photo_of_array(image))
            return self.render_array(photo, bits=8 * image.dtype.itemsize)
        if isinstance(image, Image.Image):
            return self.render(self._restored(photo_of_image(image)))
        photo = self.read(image)
        if not isinstance(image, bytes):
            return self.render(photo)
        stream = BytesIO()
        self.write(photo, stream)
        return stream.getvalue()

    def colorize_many(
        self, images: Iterable[Source | Image.Image], *, jobs: int = 1
    ) -> Generator[Result, None, None]:
        """Colour photographs, `jobs` at a time; results come in the order of `images`.

        A photograph that cannot be read gives a result with an error, and the others go on.
        """

        def one(image: Source | Image.Image) -> Result:
            try:
                return Result(image, self.colorize(image), None)
            except ToolkitError as error:
                return Result(image, None, error)

        yield from ordered(one, images, jobs)

    def read(self, source: Source) -> Photo:
        """Read a photograph as this colorizer wants it. Raises `UnusableInput`."""
        return next(self.read_pages(source))

    def read_pages(self, source: Source) -> Generator[Photo, None, None]:
        """Read all pages of a TIFF, all frames of an animation, or the one picture. As `read`."""
        limit = self._max_megapixels
        wants = has_colors if self._keep_color else photos.never
        for photo in photos.pages(source, max_megapixels=limit, wants_rgb=wants):
            if photo.rgb is not None:
                photo = _with_note(photo, _IN_COLOR)
            elif self._pixels and photo.gray.dtype == np.uint16:
                photo = _with_note(photo, _EIGHT_BITS)
            yield self._restored(photo) if photo.rgb is None else photo

    def _restored(self, photo: Photo) -> Photo:
        return replace(photo, gray=self._restore(photo.gray)) if self._restore else photo

    def predict(self, gray: Gray) -> Predicted:
        """What the network says of a photograph.

        Parameters
        ----------
        gray : uint8 or uint16, shape (H, W)

        Returns
        -------
        ab : float32, shape (2, h, w)
            a* and b* in CIE units at the network's size. Of an image model the photograph in
            colours, uint8 of shape (H, W, 3).
        """
        if self._pixels:
            return image_model.coloured(self._session, gray)
        full_height, full_width = gray.shape
        height, width = network_size(self.contract.size, full_height, full_width, self._size)
        values = self._task.given(gray, height, width)
        ab = self._run(values)
        if self._tta:
            ab = (ab + self._run(values[..., ::-1])[..., ::-1]) * np.float32(0.5)
        return ab

    def _run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        result = self._session.run(np.ascontiguousarray(values)[None])
        expected = (1, self.contract.output.channels)
        if result.ndim != 4 or result.shape[:2] != expected or 0 in result.shape:
            raise UnusableModel(
                f"the model gives {result.shape} where (1, {expected[1]}, h, w) is expected"
            )
        return self._task.colours(result[0].astype(np.float32, copy=False))

    def paint(
        self,
        photo: Photo,
        put: Put,
        *,
        ab: Predicted | None = None,
        bits: int = 8,
        band: int = BAND,
    ) -> None:
        """Colour a photograph and hand it over band by band: see `compose.compose`.

        Parameters
        ----------
        photo : Photo
        put : callable
        ab : float32, shape (2, h, w), optional
            What `predict` said, if it was asked before.
        bits, band : int
        """
        planes = self.predict(photo.gray) if ab is None else ab
        if self._pixels:
            image_model.hand_over(planes, put, bits=bits, band=band)
            return
        if self._upsample == "guided":
            planes = lines(planes, lightness(photo.gray, *planes.shape[1:]))
        threads, strength = self.threads, self._strength
        compose(photo.gray, planes, put, strength=strength, threads=threads, bits=bits, band=band)

    def render(self, photo: Photo, ab: Predicted | None = None) -> Image.Image:
        """The photograph in colour: mode RGB, or RGBA where it has transparency.

        Parameters
        ----------
        photo : Photo
        ab : float32, shape (2, h, w), optional
            What `predict` said, if it was asked before.
        """
        return finished.as_image(photo, self._painter(photo, ab))

    def render_array(self, photo: Photo, ab: Predicted | None = None, *, bits: int = 8) -> Pixels:
        """The photograph in colour: uint8 or uint16, shape (H, W, 3), or 4 with alpha."""
        return finished.as_array(photo, self._painter(photo, ab), bits=bits)

    def write(
        self,
        photo: Photo,
        stream: IO[bytes],
        to: Format | None = None,
        *,
        quality: int = QUALITY,
        ab: Predicted | None = None,
    ) -> None:
        """Colour a photograph and write it as a file, with its metadata.

        16-bit levels give 16-bit colours where `to` is PNG or TIFF.

        Parameters
        ----------
        photo : Photo
        stream : binary file
        to : Format, optional
            By default that of the photograph.
        quality : int
            1..100, for the formats that lose something.
        ab : float32, shape (2, h, w), optional
            What `predict` said, if it was asked before.

        Raises
        ------
        OutputError
            If the format cannot hold the picture.
        """
        finished.as_file(photo, self._painter(photo, ab), stream, to or photo.kept.format, quality)

    def _painter(self, photo: Photo, ab: Predicted | None) -> finished.Paint:
        return partial(self.paint, photo, ab=ab)

    def _legal(self, size: int | None) -> int | None:
        limits = self.contract.size
        if size is None or not isinstance(limits, FlexibleSize):
            return size
        if not limits.minimum <= size <= limits.maximum:
            raise UsageError(
                f"size is {size}; this model takes {limits.minimum} to {limits.maximum}"
            )
        return size


@overload
def colorize(
    image: str | PathLike[str] | Image.Image, model: str | PathLike[str] = ...
) -> Image.Image: ...
@overload
def colorize(image: bytes, model: str | PathLike[str] = ...) -> bytes: ...
@overload
def colorize(image: Pixels, model: str | PathLike[str] = ...) -> Pixels: ...
def colorize(
    image: Source | Image.Image | Pixels, model: str | PathLike[str] = DEFAULT
) -> Image.Image | bytes | Pixels:
    """Colour one photograph; for more than one make a `Colorizer` and keep it.

    Examples
    --------
    >>> import toolkit
    >>> toolkit.colorize("grandma.jpg").save("grandma-color.jpg")
    """
    return Colorizer(model).colorize(image)


@dataclass(frozen=True)
class Result:
    """What became of one photograph: a picture or an error, never both."""

    source: Source | Image.Image | Pixels
    image: Image.Image | bytes | Pixels | None
    error: ToolkitError | None


def _with_note(photo: Photo, note: str) -> Photo:
    return replace(photo, kept=replace(photo.kept, notes=(*photo.kept.notes, note)))
