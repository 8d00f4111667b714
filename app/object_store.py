"""A models folder in an object store: what is to serve is fetched from there and kept in a folder of this machine, its mirror.

The mirror is all that the rest of the service knows. A version is fetched once, into a draft that is verified and renamed into place; its
manifest tells whether the one in the mirror is the one in the store. No store can rename a folder, so a version that is being uploaded is
seen half: it is refused, with the reason, until all of it is there.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from app.comparison import FILES
from app.manifest import MANIFEST, BrokenVersionError, digests, verify
from app.survey import Survey, is_version, survey

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore as ObjectStoreClient

PATIENCE = timedelta(seconds=10)
"""For a request to the store, and again for all its repetitions: at its start the service waits for it."""
AT_ONCE = 8
"""Files of a version that are fetched together: most are small, so what takes time is the way there and back."""
DRAFT = ".draft-"

Objects = Mapping[str, "ObjectMeta"]
"""By their paths, relative to some folder."""
Stamp = frozenset[tuple[object, ...]]
"""Of each object what changes with its content."""

log = logging.getLogger(__name__)


class ObjectStore:
    """The models folder at an address of an object store: the `most` highest intact versions of each model are mirrored."""

    def __init__(self, address: str, cache: Path, pinned: Mapping[str, int], most: int) -> None:
        """Nothing is asked of the store yet.

        Args:
            address: `s3://bucket/path` and the like; its credentials come from the environment, as for the store's other clients.
            cache: Folder in which each address has its mirror.
            pinned: By model, a version to mirror before the highest ones.
            most: How many versions of each model.
        """
        self.mirror = cache.expanduser() / sha256(address.encode()).hexdigest()[:16]
        self._address, self._pinned, self._most = address, pinned, most
        self._versions: dict[str, tuple[Stamp, bool]] = {}
        """By path, what was in the store when a version was last fetched, and whether that was intact."""
        self._comparison: dict[str, Stamp] = {}
        self._reason: str | None = None

    def survey(self) -> Survey:
        """Mirror what is new, drop what is gone, and look at what there is; if the store does not answer, at what there was."""
        from obstore.exceptions import BaseError

        reason = None
        try:
            self.mirror.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._refresh()
        except (BaseError, OSError) as error:
            reason = f"{self._address} can't be mirrored ({_brief(error)})"
            if reason != self._reason:
                log.error("the models can't be fetched", extra={"address": self._address, "reason": str(error).partition("\n\n")[0]})
        self._reason = reason
        return replace(survey(self.mirror), unreadable=reason) if reason else survey(self.mirror)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of several workers one fetches, and the others find it done."""
        try:
            import fcntl
        except ImportError:  # where there is Windows, and one worker
            yield
            return
        with (self.mirror / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @cached_property
    def _store(self) -> ObjectStoreClient:
        """Made once, as it keeps its connections."""
        from obstore.store import from_url

        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")  # whoever writes that means it
        return from_url(
            self._address,
            client_options={"timeout": PATIENCE, "allow_http": plain},
            retry_config={"max_retries": 2, "retry_timeout": PATIENCE},
        )

    def _refresh(self) -> None:
        objects = {each["path"]: each for some in self._store.list() for each in some}
        models = _models(objects)
        if not models:  # what a mistyped address looks like, too: no reason to forget everything
            raise FileNotFoundError("there is no <model>/<version>/ below it")
        for draft in self.mirror.glob(f"{DRAFT}*"):
            shutil.rmtree(draft)  # of a process that was killed
        for name, versions in models.items():
            intact = 0
            for version in sorted(versions, key=lambda each: (each != self._pinned.get(name), -each)):
                intact += intact < self._most and self._fetch(f"{name}/{version}", versions[version])
        self._drop(models)
        for name in FILES:
            self._fetch_comparison(name, objects)

    def _fetch(self, path: str, objects: Objects) -> bool:
        """Mirror a version; whether what the mirror has of it is intact."""
        folder = self.mirror / path
        stamp = _stamp(objects)
        known, intact = self._versions.get(path, (None, False))
        if known != stamp or not folder.is_dir():
            manifest = self._content(f"{path}/{MANIFEST}") if MANIFEST in objects else None
            intact = _is_intact(folder)
            if not intact or (folder / MANIFEST).read_bytes() != manifest:
                intact = self._renew(folder, path, objects, manifest) or intact
            self._versions[path] = stamp, intact
        return intact

    def _renew(self, folder: Path, path: str, objects: Objects, manifest: bytes | None) -> bool:
        """Fetch a version; whether it is intact. What is intact is replaced only by what is: somebody may just be writing to the store."""
        with self._draft() as draft:
            new = draft / "new"
            new.mkdir()
            if manifest is not None:
                (new / MANIFEST).write_bytes(manifest)
                with ThreadPoolExecutor(AT_ONCE) as several:  # the first that fails calls off those that wait
                    list(several.map(partial(self._copy, path, new), _complete(new, objects)))
            intact = _is_intact(new)
            if intact or not _is_intact(folder):
                folder.parent.mkdir(exist_ok=True)
                if folder.exists():
                    folder.rename(draft / "old")
                new.rename(folder)
                log.info("a version is fetched", extra={"version": path, "address": self._address, "intact": intact})
        return intact

    def _drop(self, models: Mapping[str, Mapping[int, Objects]]) -> None:
        """Remove what is in the store no more: to take a version away is a rollback there, too."""
        for home in (each for each in self.mirror.iterdir() if each.is_dir() and not each.name.startswith(".")):
            for folder in home.iterdir():
                if is_version(folder.name) and int(folder.name) not in models.get(home.name, {}):
                    with self._draft() as draft:
                        folder.rename(draft / "old")
                    log.info("a version is dropped", extra={"version": f"{home.name}/{folder.name}", "address": self._address})
            if home.name not in models:
                home.rmdir()

    def _fetch_comparison(self, name: str, objects: Objects) -> None:
        if name not in objects:
            (self.mirror / name).unlink(missing_ok=True)
            return
        stamp = _stamp({name: objects[name]})
        if self._comparison.get(name) != stamp:
            with self._draft() as draft:
                (draft / name).write_bytes(self._content(name))
                (draft / name).replace(self.mirror / name)
            self._comparison[name] = stamp

    def _copy(self, path: str, folder: Path, name: str) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(self._content(f"{path}/{name}"))

    def _content(self, path: str) -> bytes:
        return bytes(self._store.get(path).bytes())

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """A folder that is gone afterwards, with what is in it then; on the disk of the mirror, so that renaming moves nothing."""
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=self.mirror) as draft:
            yield Path(draft)


def _models(objects: Objects) -> dict[str, dict[int, dict[str, ObjectMeta]]]:
    """The objects of each version, by the paths in it, of each model."""
    found: dict[str, dict[int, dict[str, ObjectMeta]]] = defaultdict(lambda: defaultdict(dict))
    for path, each in objects.items():  # none leads upwards: the client refuses such names
        model, _, rest = path.partition("/")
        version, _, file = rest.partition("/")
        if file and is_version(version) and not model.startswith("."):
            found[model][int(version)][file] = each
    return found


def _stamp(objects: Objects) -> Stamp:
    return frozenset((path, each["size"], each["e_tag"], each["last_modified"]) for path, each in objects.items())


def _complete(folder: Path, objects: Objects) -> frozenset[str]:
    """What the manifest in `folder` names, if it is all among the objects: otherwise there is no use in fetching any of it."""
    try:
        names = frozenset(digests(folder))
    except BrokenVersionError:
        return frozenset()
    return names if names <= objects.keys() else frozenset()


def _is_intact(folder: Path) -> bool:
    try:
        verify(folder)
    except BrokenVersionError:
        return False
    return True


def _brief(error: Exception) -> str:
    """Why, without what differs from one try to the next: the store's own code, if it gave one."""
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    return code[1] if code else str(error) if isinstance(error, OSError) and error.errno is None else type(error).__name__
