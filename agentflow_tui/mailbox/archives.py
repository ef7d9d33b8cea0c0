"""Zip archives from strangers: what is in them, read no further than limits allow."""

import stat
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError
from agentflow_tui.mailbox.limits import AttachmentLimits
from agentflow_tui.text import size

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DOCUMENTS = ("[Content_Types].xml", "mimetype")
"""Entries that make an archive a workbook."""

_BROKEN = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, NotImplementedError)
_BLOCK = 1 << 20


class BadArchiveError(AgentflowError):
    """An archive, or a file in one, that is not taken; the message says why."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file in an archive that is open."""

    archive: ZipFile
    info: ZipInfo

    @property
    def name(self) -> str:
        """Its name with its folders."""
        return self.info.filename

    def read(self, most: int) -> bytes:
        """What is in it. Raises `BadArchiveError`, also for more than so many bytes: what the
        archive says of its size is not believed."""
        if reason := _refused(self.info):
            raise BadArchiveError(reason)
        content = bytearray()
        try:
            with self.archive.open(self.info) as file:
                while block := file.read(_BLOCK):
                    content += block
                    if len(content) > most:
                        raise BadArchiveError(f"it unpacks to more than {size(most)}")
        except _BROKEN:
            raise BadArchiveError("it cannot be unpacked") from None
        return bytes(content)


def is_archive(name: str, content: bytes) -> bool:
    """Whether a file is a zip archive, and none that is a workbook. A broken one is what its name
    says."""
    if not content.startswith(_MAGIC):
        return False
    try:
        with ZipFile(BytesIO(content)) as archive:
            return not any(name in archive.NameToInfo for name in _DOCUMENTS)
    except _BROKEN:
        return name.lower().endswith(".zip")


def entries(content: bytes, limits: AttachmentLimits) -> Iterator[ArchiveEntry]:
    """The files in an archive, each to be read before the next. Raises `BadArchiveError`."""
    try:
        archive = ZipFile(BytesIO(content))
    except _BROKEN:
        raise BadArchiveError("it is an archive that cannot be read: cut off, or damaged") from None
    with archive:
        files = [info for info in archive.infolist() if not _is_nothing(info)]
        if len(files) > limits.entries:
            raise BadArchiveError(f"it is an archive of {len(files)} files")
        for info in files:
            yield ArchiveEntry(archive, info)


def _is_nothing(info: ZipInfo) -> bool:
    return info.is_dir() or info.filename.startswith("__MACOSX/")


def _refused(info: ZipInfo) -> str:
    """Why a file is not unpacked; empty where it may be."""
    path = info.filename.replace("\\", "/")
    if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
        return "its path leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    return "it is behind a password" if info.flag_bits & 1 else ""
