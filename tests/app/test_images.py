from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from app.errors import UnprocessableImageError, UnsupportedTypeError
from app.images import decode, is_small
from tests.conftest import encoded, png
from tests.server import Server
from training.data import Dataset

LIMIT = 50_000_000
ORIENTATION = 0x0112
# how to turn an upright image so that a viewer who honours the tag turns it back (Exif 2.32, table 4.6.4)
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def boot(dataset: Dataset) -> Pixels:
    """The first test image, an ankle boot: no symmetry hides a wrong turn."""
    return dataset.test_images[0, ..., 0]


@pytest.fixture(scope="module")
def grey(boot: Pixels) -> Image.Image:
    return Image.fromarray(boot)


def pixels(data: bytes) -> Pixels:
    return decode(data, "strict", LIMIT).pixels


def palette(grey: Image.Image) -> Image.Image:
    image = Image.frombytes("P", grey.size, grey.tobytes())
    image.putpalette([level for level in range(256) for _ in range(3)])
    return image


def opaque(grey: Image.Image, mode: str) -> Image.Image:
    image = grey.convert(mode)
    image.putalpha(255)
    return image


def on_transparent_ground(grey: Image.Image, mode: str) -> Image.Image:
    """The ground is transparent white: only compositing on black gives it back."""
    image = Image.fromarray(np.where(np.asarray(grey) == 0, 255, np.asarray(grey))).convert(mode)
    image.putalpha(Image.fromarray(np.where(np.asarray(grey) == 0, 0, 255).astype(np.uint8)))
    return image


def sixteen_bit(grey: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)


LOSSLESS = {
    "grey PNG": lambda grey: encoded(grey, "PNG"),
    "palette PNG": lambda grey: encoded(palette(grey), "PNG"),
    "palette PNG with a transparent ground": lambda grey: encoded(palette(grey), "PNG", transparency=0),
    "grey PNG with a transparent ground": lambda grey: encoded(grey, "PNG", transparency=0),
    "16-bit PNG": lambda grey: encoded(sixteen_bit(grey), "PNG"),
    "RGB PNG": lambda grey: encoded(grey.convert("RGB"), "PNG"),
    "grey PNG with opaque alpha": lambda grey: encoded(opaque(grey, "LA"), "PNG"),
    "RGB PNG with opaque alpha": lambda grey: encoded(opaque(grey, "RGBA"), "PNG"),
    "grey PNG with alpha": lambda grey: encoded(on_transparent_ground(grey, "LA"), "PNG"),
    "RGB PNG with alpha": lambda grey: encoded(on_transparent_ground(grey, "RGBA"), "PNG"),
    "grey BMP": lambda grey: encoded(grey, "BMP"),
    "RGB BMP": lambda grey: encoded(grey.convert("RGB"), "BMP"),
    "lossless WebP": lambda grey: encoded(grey.convert("RGB"), "WEBP", lossless=True),
    "lossless WebP with alpha": lambda grey: encoded(opaque(grey, "RGBA"), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(name: str, grey: Image.Image, boot: Pixels) -> None:
    assert (pixels(LOSSLESS[name](grey)) == boot).all()


def test_a_one_bit_image_is_black_and_white(grey: Image.Image) -> None:
    image = grey.point(lambda level: 255 if level > 100 else 0).convert("1")
    assert (pixels(encoded(image, "PNG")) == np.asarray(image) * np.uint8(255)).all()


LOSSY = {
    "grey JPEG": lambda grey: encoded(grey, "JPEG", quality=95),
    "RGB JPEG": lambda grey: encoded(grey.convert("RGB"), "JPEG", quality=95),
    "CMYK JPEG": lambda grey: encoded(grey.convert("CMYK"), "JPEG", quality=95),
    "progressive JPEG": lambda grey: encoded(grey, "JPEG", quality=95, progressive=True),
    "WebP": lambda grey: encoded(grey.convert("RGB"), "WEBP", quality=95),
}


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_give_nearly_the_pixels(name: str, grey: Image.Image, boot: Pixels) -> None:
    assert np.abs(pixels(LOSSY[name](grey)).astype(int) - boot).mean() < 4


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_an_exif_turn_is_applied(image_format: str, orientation: int, grey: Image.Image, boot: Pixels) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    turn = TURNS[orientation]
    turned = grey.transpose(turn) if turn is not None else grey
    options = {"lossless": True} if image_format == "WEBP" else {"quality": 95} if image_format == "JPEG" else {}
    data = encoded(turned.convert("RGB"), image_format, exif=exif, **options)
    assert np.abs(pixels(data).astype(int) - boot).mean() < (4 if image_format == "JPEG" else 0.001)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "MPO"])
def test_of_several_pictures_the_first_counts_and_a_warning_says_so(image_format: str, grey: Image.Image, boot: Pixels) -> None:
    other = ImageOps.invert(grey)
    options = {"lossless": True} if image_format == "WEBP" else {"quality": 95}
    picture = decode(
        encoded(grey.convert("RGB"), image_format, save_all=True, append_images=[other.convert("RGB")], **options), "strict", LIMIT
    )
    assert np.abs(picture.pixels.astype(int) - boot).mean() < 4
    assert picture.remarks == (("several_pictures", "The file holds 2 pictures: only the first was classified."),)


def test_one_picture_gives_no_warning(grey: Image.Image) -> None:
    assert decode(encoded(grey, "PNG"), "strict", LIMIT).remarks == ()


@pytest.mark.parametrize("size", [(27, 28), (28, 27), (1, 1), (56, 56)])
def test_strict_takes_only_28x28(size: tuple[int, int]) -> None:
    with pytest.raises(UnprocessableImageError, match=f"{size[0]}x{size[1]} and must be 28x28: resize it, or add fit=garment"):
        decode(encoded(Image.new("L", size), "PNG"), "strict", LIMIT)


@pytest.mark.parametrize("fit", ["strict", "garment"])
def test_too_many_pixels_are_refused_by_the_header(fit: str) -> None:
    header_only = encoded(Image.new("1", (10_000, 10_000)), "PNG")[:200]  # the pixels are not even there
    with pytest.raises(UnprocessableImageError, match="10000x10000, more than 50,000,000 pixels"):
        decode(header_only, fit, LIMIT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"hello, world", "68 65 6c 6c 6f 2c 20 77"),
        (b"GIF89a\x1c\x00\x1c\x00", "47 49 46 38"),
        (b"%PDF-1.7\n", "25 50 44 46"),
        (b"\x00", "00"),
        (b"RIFF\x00\x00\x00\x00WAVE", "52 49 46 46"),
    ],
)
def test_other_content_is_an_unsupported_type(data: bytes, begins: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=f"not a PNG, JPEG, WebP or BMP image: it begins with the bytes {begins}"):
        decode(data, "strict", LIMIT)


def test_an_empty_upload_is_named() -> None:
    with pytest.raises(UnprocessableImageError, match="The upload is empty"):
        decode(b"", "strict", LIMIT)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("fit", ["strict", "garment"])
def test_a_file_cut_short_is_not_decodable(image_format: str, fit: str, grey: Image.Image) -> None:
    data = encoded(grey.convert("RGB"), image_format)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(UnprocessableImageError, match="can't be decoded"):
            decode(data[: int(len(data) * share)], fit, LIMIT)  # type: ignore[arg-type]


def test_damage_never_escapes_as_another_exception(grey: Image.Image) -> None:
    random = np.random.default_rng(0)
    for image_format in ("PNG", "JPEG", "WEBP", "BMP"):
        whole = np.frombuffer(encoded(grey.convert("RGB"), image_format), np.uint8)
        for _ in range(300):
            data = whole.copy()
            data[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
            try:
                decode(data.tobytes(), "strict", LIMIT)
            except (UnprocessableImageError, UnsupportedTypeError):
                continue


def test_only_what_is_quick_may_be_decoded_inline() -> None:
    assert is_small(bytes(4096), "strict")
    assert not is_small(bytes(4096), "garment")
    assert not is_small(bytes(4097), "strict")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_plain_image_of_any_format_is_small(mode: str, image_format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28, 4), np.uint8))
    if (mode in ("LA", "RGBA", "P", "1") and image_format in ("JPEG", "WEBP")) or mode == "LA":
        mode = "RGB"
    assert is_small(encoded(noise.convert(mode), image_format), "strict")


def test_a_header_cut_short_names_no_object_of_ours() -> None:
    with pytest.raises(UnprocessableImageError, match="begins like a PNG image but has no whole header"):
        decode(b"\x89PNG\r\n\x1a\n", "strict", LIMIT)


def test_sixteen_bit_transparency_lies_on_the_ground(grey: Image.Image, boot: Pixels) -> None:
    levels = np.asarray(sixteen_bit(grey)).copy()
    levels[boot == 0] = 65535
    levels[(boot == 255)] = 65278
    data = encoded(Image.fromarray(levels), "PNG", transparency=65535)
    assert np.abs(pixels(data).astype(int) - boot).max() <= 1


def test_damaged_exif_data_does_not_spoil_the_pixels(grey: Image.Image, boot: Pixels) -> None:
    data = encoded(grey, "PNG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\xff\xff")
    assert (pixels(data) == boot).all()


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_every_format_gets_the_same_label_over_http(name: str, grey: Image.Image, server: Server) -> None:
    data = (LOSSLESS | LOSSY)[name](grey)
    answer = server.http.post("/predict", files={"file": data}).json()
    assert answer["label"] == "Ankle boot"


def test_the_image_of_a_png_helper_is_real(boot: Pixels) -> None:
    assert (np.asarray(Image.open(io.BytesIO(png(boot)))) == boot).all()
