"""The container: a zip archive that compresses nothing itself, read without trust.

Its first entry says what it is, so that a file that was cut off is still known for a capsule. No time, owner
or mode of the machine goes in: equal content is equal bytes. Nothing is ever unpacked to disk.
"""

import struct
import zipfile
from pathlib import Path
from typing import IO, BinaryIO

from processors.replay.capsule.errors import CapsuleError
from processors.replay.capsule.manifest import PARTS_LIMIT, check_format

MARK = "penstock-capsule"
_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
# A local header, the name of the first entry, its text: "1\n".
_LOCAL = struct.Struct("<4s5HIIIHH")
_END = struct.Struct("<4s4HIIH")
_END_SIGNATURE, _LOCAL_SIGNATURE = b"PK\x05\x06", b"PK\x03\x04"
_DIRECTORY_LIMIT_BYTES = 64 << 10
_LONG = 0xFFFF_FFFF
_ENCRYPTED = 0x1


def entry(name: str) -> zipfile.ZipInfo:
    """Return an entry to be written, with nothing of this machine in it."""
    found = zipfile.ZipInfo(name, _TIME)
    found.create_system = 3
    found.external_attr = _READABLE
    return found


def opened(path: Path) -> zipfile.ZipFile:
    """Open a capsule's container and check its form.

    Raises:
        CapsuleError: it cannot be opened, is no capsule, is cut off, or has entries that no capsule has.
    """
    try:
        with path.open("rb") as file:
            _check_start(file, str(path))
            _check_end(file, str(path))
        archive = zipfile.ZipFile(path)
    except OSError as exc:
        raise CapsuleError(f"the capsule {path} cannot be opened: {exc.strerror or exc}") from exc
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError, struct.error) as exc:
        raise CapsuleError(f"{path} is damaged: {exc}") from exc
    try:
        _check_entries(archive, str(path))
    except BaseException:
        archive.close()
        raise
    return archive


def read_entry(archive: zipfile.ZipFile, name: str, path: str, limit_bytes: int) -> bytes:
    """Return a small entry.

    Raises:
        CapsuleError: there is none, it is larger than it may be, or damaged.
    """
    try:
        info = archive.getinfo(name)
        if info.file_size > limit_bytes:
            raise CapsuleError(f"{path} is refused: {name} has {info.file_size} bytes, at most {limit_bytes}")
        return archive.read(info)
    except KeyError as exc:
        raise CapsuleError(f"{path} is incomplete: it has no {name}") from exc
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as exc:
        raise CapsuleError(f"{path} is damaged: {name} cannot be read ({exc})") from exc


def open_entry(archive: zipfile.ZipFile, name: str, path: str) -> IO[bytes]:
    """Open an entry to read it in order.

    Raises:
        CapsuleError: there is none, or it is damaged.
    """
    try:
        return archive.open(name)
    except KeyError as exc:
        raise CapsuleError(f"{path} is incomplete: it has no {name}") from exc
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as exc:
        raise CapsuleError(f"{path} is damaged: {name} cannot be read ({exc})") from exc


def _check_start(file: BinaryIO, name: str) -> None:
    raw = file.read(_LOCAL.size + len(MARK) + 16)
    none = CapsuleError(f"{name} is no capsule of Penstock")
    if len(raw) < _LOCAL.size + len(MARK) or not raw.startswith(_LOCAL_SIGNATURE):
        raise none
    fields = _LOCAL.unpack_from(raw)
    size, name_bytes, extra_bytes = fields[8], fields[9], fields[10]
    begin = _LOCAL.size + name_bytes + extra_bytes
    if raw[_LOCAL.size : _LOCAL.size + name_bytes] != MARK.encode():
        raise none
    try:
        check_format(int(raw[begin : begin + size]), name)
    except ValueError as exc:
        raise none from exc


def _check_end(file: BinaryIO, name: str) -> None:
    """Check that the directory is there and small before anything reads it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size))
    raw = file.read()
    if len(raw) < _END.size or not raw.startswith(_END_SIGNATURE):
        raise CapsuleError(f"{name} is cut off: the end of the capsule is missing")
    _, _, _, _, entries, directory_bytes, begin, _ = _END.unpack(raw)
    if begin == _LONG or directory_bytes == _LONG:
        # Over 4 GB: zipfile believes a second record of the end, which says at most what there is room for.
        directory_bytes = size - _long_begin(file, size, name)
    if entries > PARTS_LIMIT + 2 or directory_bytes > _DIRECTORY_LIMIT_BYTES:
        raise CapsuleError(f"{name} is refused: it has more entries than any capsule")


def _long_begin(file: BinaryIO, size: int, name: str) -> int:
    """Return where the directory of a large archive begins."""
    file.seek(max(0, size - _END.size - 20 - 56))
    record = file.read(56)
    if len(record) < 56 or not record.startswith(b"PK\x06\x06"):
        raise CapsuleError(f"{name} is damaged: its directory cannot be found")
    return int(struct.unpack_from("<Q", record, 48)[0])


def _check_entries(archive: zipfile.ZipFile, path: str) -> None:
    """Every entry is stored as it is, named plainly, once, and within the file."""
    seen: set[str] = set()
    for info in archive.infolist():
        name = info.filename
        if name.startswith(("/", "\\")) or ".." in name or "\\" in name or ":" in name or name.endswith("/"):
            raise CapsuleError(f"{path} is refused: an entry is named {name!r}, which leads elsewhere")
        if name in seen:
            raise CapsuleError(f"{path} is refused: {name} is in it twice")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise CapsuleError(f"{path} is refused: {name} is compressed by the container")
        if info.flag_bits & _ENCRYPTED:
            raise CapsuleError(f"{path} is refused: {name} is encrypted")
        seen.add(name)
