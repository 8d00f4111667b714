from __future__ import annotations

import pytest
from PIL import Image

from app import file_parts
from app.errors import UnprocessableImageError
from app.file_parts import is_packed, refuse_many
from app.images import decode, is_small
from tests.reliability import bombs
from tests.reliability.corpus import boot, chunk, encoded, header, idat, pictures, png

LIMIT = 50_000_000


@pytest.mark.parametrize("name", pictures())
def test_an_image_is_not_refused(name: str) -> None:
    content = pictures()[name]
    refuse_many("PNG" if name.endswith("png") else "JPEG" if name.endswith("jpg") else "other", content)
    decode(content, "strict", LIMIT)


@pytest.mark.parametrize("name", bombs.too_many())
def test_too_many_parts_are_named(name: str) -> None:
    what = "compressed texts and profiles" if name.startswith("PNG") and "chunks" not in name else "chunks|segments|scans"
    with pytest.raises(UnprocessableImageError, match=rf"file has more than [\d,]+ ({what}): save the image anew"):
        refuse_many(name.partition(" ")[0], bombs.too_many()[name])


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_photo_of_many_parts_is_read(image_format: str) -> None:
    """Noise, which takes as many bytes as a photo; libpng's pieces of 8 kB, libjpeg's ten scans."""
    photo = encoded(Image.effect_noise((3000, 2000), 60), image_format, **({"progressive": True} if image_format == "JPEG" else {}))
    assert len(photo) > 2_000_000
    refuse_many(image_format, photo)
    assert decode(photo, "garment", LIMIT).pixels.shape == (28, 28)


@pytest.mark.parametrize(
    "content",
    [encoded(boot(), "JPEG", progressive=True) + b"\xff\xda\0\2" * 1000, pictures()["grey.png"] + bytes(1_000_000)],
    ids=["JPEG", "PNG"],
)
def test_what_follows_the_image_does_not_count(content: bytes) -> None:
    """As the film behind the picture that a telephone took."""
    refuse_many("PNG" if content.startswith(b"\x89") else "JPEG", content)
    decode(content, "strict", LIMIT)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_only_as_many_compressed_texts_as_images_have(kind: bytes) -> None:
    def texts(count: int) -> bytes:
        return png(header(28, 28), *[chunk(kind, b"k\0\0")] * count, idat(boot()))

    refuse_many("PNG", texts(file_parts.MOST_PACKED))
    with pytest.raises(UnprocessableImageError, match="more than 64 compressed"):
        refuse_many("PNG", texts(file_parts.MOST_PACKED + 1))


@pytest.mark.parametrize("name", ["commented.png", "profiled.png"])
def test_what_has_to_be_unpacked_is_not_decoded_on_the_event_loop(name: str) -> None:
    assert is_packed(pictures()[name])
    assert len(pictures()[name]) < 4096
    assert not is_small(pictures()[name], "strict")
    assert is_small(pictures()["grey.png"], "strict")


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xda", b"\xff\xd8\xff\xff\xff", b"\x89PNG\r\n\x1a\n\0"])
def test_a_file_that_ends_too_soon_is_left_to_the_decoder(content: bytes) -> None:
    refuse_many("PNG", content)
    refuse_many("JPEG", content)
