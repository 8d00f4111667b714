"""Small files that ask for much: memory, time, or lines in the log."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from tests.reliability.corpus import boot, chunk, encoded, header, idat, pictures, png

SIDE = 30_000
HUGE = 2**31 - 1


def one_bit() -> bytes:
    """A whole PNG of 900 megapixels in 110 kB."""
    return png(header(SIDE, SIDE, depth=1), chunk(b"IDAT", zlib.compress(bytes(SIDE * (1 + SIDE // 8)))))


def claims() -> dict[str, bytes]:
    """Whole small files whose headers claim to be huge."""
    grey = boot()
    jpeg, bmp = encoded(grey, "JPEG"), encoded(grey, "BMP")
    size = jpeg.index(b"\xff\xc0") + 5
    return {
        "PNG": png(header(HUGE, HUGE), idat(grey)),
        "JPEG": jpeg[:size] + struct.pack(">HH", 65_500, 65_500) + jpeg[size + 4 :],
        "WebP": webp(16_384, frames=1),
        "WebP of 4 gigapixels": webp(65_535, frames=1),
        "BMP": bmp[:18] + struct.pack("<ii", HUGE, HUGE) + bmp[26:],
        "run-length BMP": pictures()["run-length.bmp"][:18] + struct.pack("<ii", SIDE, SIDE) + pictures()["run-length.bmp"][26:],
    }


def too_many() -> dict[str, bytes]:
    """Files of many parts, each of which takes little and all together minutes."""
    grey = boot()
    jpeg, large = encoded(grey, "JPEG"), encoded(Image.new("L", (7000, 7000), 90), "JPEG", progressive=True)
    last = large[large.rfind(b"\xff\xc4", 0, large.rfind(b"\xff\xda")) : -2]
    packed = zlib.compress(bytes(2**20), 9)
    damaged = zlib.compress(bytes(2**20 - 16), 9)[:-1] + b"\0"  # found out when it is unpacked already
    return {
        "PNG profiles": png(header(28, 28), *[chunk(b"iCCP", b"p\0\0" + packed)] * 600, idat(grey)),
        "PNG texts": png(header(28, 28), *[chunk(b"zTXt", b"k\0\0" + damaged)] * 600, idat(grey)),
        "PNG texts behind the pixels": png(header(28, 28), idat(grey), *[chunk(b"iTXt", b"k\0\1\0\0\0" + damaged)] * 600),
        "PNG chunks": png(header(28, 28), chunk(b"abCd", b"") * 500_000, idat(grey)),
        "JPEG segments": jpeg[:2] + b"\xff\xe1\0\2" * 500_000 + jpeg[2:],
        "JPEG fill bytes": jpeg[:2] + b"\xff" * 2_000_000 + jpeg[2:],
        "JPEG junk": jpeg[:20] + bytes(2_000_000) + jpeg[20:],
        "JPEG scans": large[:-2] + last * 40 + large[-2:],
        "JPEG scans behind a feigned end": large[:-2] + b"\xff\xfe\0\4\xff\xd9" + last * 40 + large[-2:],
    }


def at_a_limit() -> dict[str, bytes]:
    """As many parts, frames, and as much text, as are still read: these may be answered, and must not take long."""
    grey = boot()
    damaged = zlib.compress(bytes(2**20 - 16), 9)[:-1] + b"\0"
    actl = chunk(b"acTL", struct.pack(">II", HUGE, 0))
    fctl = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 28, 28, 0, 0, 1, 10, 0, 0))
    return {
        "PNG texts": png(header(28, 28), *[chunk(b"zTXt", b"k\0\0" + damaged)] * 60, idat(grey)),
        "PNG chunks": png(header(28, 28), chunk(b"abCd", b"") * 19_000, idat(grey)),
        "PNG frames": png(header(28, 28), actl, fctl, idat(grey), fctl * 10_000),
        "WebP frames": webp(28, frames=10_000),
        "JPEG segments": encoded(grey, "JPEG")[:2] + b"\xff\xfe\0\2" * 9_000 + encoded(grey, "JPEG")[2:],
        "JPEG EXIF": exif_jpeg(exif(4000, 50_000)),
        "PNG EXIF": png(header(28, 28), chunk(b"eXIf", exif(60_000, 2**20)), idat(grey)),
    }


def zipped_text() -> bytes:
    """A PNG of 63 kB with 60 MB of comments."""
    packed = zlib.compress(b"x" * 1_000_000, 9)
    return png(header(28, 28), *[chunk(b"zTXt", b"%d\0\0" % each + packed) for each in range(60)], idat(boot()))


def webp(side: int, frames: int) -> bytes:
    """An animation on a canvas of this side, with small frames."""
    lossless = encoded(boot().convert("RGB"), "WEBP", lossless=True)[12:]
    frame = bytes(6) + 2 * (27).to_bytes(3, "little") + (100).to_bytes(3, "little") + b"\0" + lossless
    start = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + 2 * (side - 1).to_bytes(3, "little")
    content = b"WEBP" + start + b"ANIM" + struct.pack("<I", 6) + bytes(6) + (b"ANMF" + struct.pack("<I", len(frame)) + frame) * frames
    return b"RIFF" + struct.pack("<I", len(content)) + content


def exif(entries: int, size: int) -> bytes:
    """EXIF data whose entries all are the same `size` bytes."""
    directory = struct.pack("<HHHII", entries + 1, 0x0112, 3, 1, 1)
    directory += b"".join(struct.pack("<HHII", (1000 + each) % 65_536, 7, size, 8) for each in range(entries)) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(size + 8, b"\0")


def exif_jpeg(content: bytes) -> bytes:
    """A JPEG with this EXIF data."""
    jpeg = encoded(boot(), "JPEG")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 8) + b"Exif\0\0" + content + jpeg[2:]
