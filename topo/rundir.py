"""The run directory: sockets, logs and state of one network.

`$FALCON_RUN_DIR`, or ``/tmp/falcon-testbed-<uid>``; private to its owner. What a network writes
there is removed when it goes down: copy the logs and records that you want to keep.
"""

import contextlib
import fcntl
import glob
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from topo.errors import Busy, RunDirError

SOCKET_PATH_LEN = 107  # sun_path is 108 bytes with its final zero, unix(7)
P4RT = ".p4rt.sock"
LONGEST_NAME = len(f"rx-{P4RT}") + 15
VARIABLE = "FALCON_RUN_DIR"
RECORDS = "records"
LOCK_ATTEMPTS = 100  # against somebody who removes the directory again and again
TAIL_LINES, TAIL_BYTES = 15, 8192
SWITCH_FILES = ("p4rt.sock", "log", "log*.txt", "out")  # BMv2 adds .txt to its logs


class RunDir:
    """One run directory: the paths in it; creating, locking and cleaning it."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        default = Path(f"/tmp/falcon-testbed-{os.getuid()}")
        self.path = Path(path or os.environ.get(VARIABLE) or default).absolute()
        self.is_default = self.path == default

    @property
    def socket(self) -> Path:
        """Socket that the daemon listens on."""
        return self.path / "topo.sock"

    @property
    def state(self) -> Path:
        """The order that the daemon was started with, as JSON; see `topo.protocol.startup`."""
        return self.path / "topo.json"

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.path / "topo.log"

    @property
    def records(self) -> Path:
        """Directory in which rxpath records frames."""
        return self.path / RECORDS

    @property
    def hosts(self) -> Path:
        """Directory with the /etc/hosts of each container."""
        return self.path / "hosts"

    def p4rt(self, switch: str) -> Path:
        """Socket of a switch's P4Runtime server."""
        return self.path / f"{switch}{P4RT}"

    def grpc_address(self, switch: str) -> str:
        """Address of a switch's P4Runtime server: a URI, in which gRPC decodes %XX."""
        return f"unix:{quote(os.fsencode(self.p4rt(switch)))}"

    def control(self, machine: str) -> Path:
        """Control socket of a machine's rxpath."""
        return self.path / f"rx-{machine}.sock"

    def config(self, machine: str) -> Path:
        """Configuration of a machine's rxpath."""
        return self.path / f"rx-{machine}.json"

    def program_log(self, part: str) -> Path:
        """Log of a program: ``s1.log``, ``rx-m1.log``."""
        return self.path / f"{part}.log"

    def switch_logs(self, switch: str) -> tuple[Path, Path]:
        """Files that a switch may log to when started with `program_log`: BMv2 adds .txt."""
        log = self.program_log(switch)
        return log, log.with_name(f"{log.name}.txt")

    def program_output(self, part: str) -> Path:
        """Standard output and error of a program whose log is another file."""
        return self.path / f"{part}.out"

    def verify(self) -> None:
        """Raise RunDirError unless the directory does not exist or is private to us."""
        if len(os.fsencode(self.path)) + 1 + LONGEST_NAME > SOCKET_PATH_LEN:
            longest = SOCKET_PATH_LEN - LONGEST_NAME - 1
            raise self._refused(f"expected a path of at most {longest} bytes for sockets")
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return
        except OSError as err:
            raise self._refused(f"expected your own directory: {err.strerror}") from err
        if not stat.S_ISDIR(found.st_mode):
            raise self._refused("expected a directory, not a file or symbolic link")
        if found.st_uid != os.geteuid():
            raise self._refused(f"expected your own directory, its owner is uid {found.st_uid}")
        if found.st_mode & 0o777 != 0o700:
            mode = stat.S_IMODE(found.st_mode)
            raise self._refused(f"expected mode 0700, got {mode:04o} (chmod 700)")

    def _refused(self, expected: str) -> RunDirError:
        """An error that names the way out: another directory."""
        return RunDirError(self.path, f"{expected}; or set {VARIABLE} to another directory")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory, created if absent, against other `up` and `down`; raise Busy.

        The lock is on the directory itself (flock(2)), so it leaves no file behind.
        """
        fd = self._lock()
        try:
            yield
        finally:
            os.close(fd)

    def _lock(self) -> int:
        """The locked descriptor of the directory that is at our path."""
        for _ in range(LOCK_ATTEMPTS):
            self._create()
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # another `down` removed it in between
            except OSError as err:
                raise self._refused(f"cannot open the directory: {err.strerror}") from err
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                raise Busy(self.path) from None
            if self._is_same_directory(fd):
                return fd
            os.close(fd)
        raise self._refused("somebody removes the directory again and again")

    def _create(self) -> None:
        self.verify()
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as err:
            raise self._refused(f"cannot create the directory: {err.strerror}") from err

    def _is_same_directory(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), self.path.lstat())
        except FileNotFoundError:
            return False

    def clean(self, directory: bool = False, switches: Iterable[str] = ()) -> None:
        """Remove what a network wrote here, and the `directory` if wanted or the default one.

        `switches` are names of switches beside those that the files tell.
        """
        self.clean_files(switches)
        if self.is_default or directory:
            with contextlib.suppress(OSError):  # it holds someone else's file, or is gone already
                self.path.rmdir()

    def clean_files(self, switches: Iterable[str] = ()) -> None:
        """Remove what a network wrote here; files with other names stay.

        Raises RunDirError when something cannot be removed.
        """
        patterns = ["topo.sock", "topo.log", "rx-*.sock", "rx-*.json", "rx-*.log", "rx-*.out"]
        patterns += ["ctl.sock", "ctl.json"]  # of falcon_ctl
        for switch in {*self.switches(), *switches}:
            patterns += [f"{switch}.{suffix}" for suffix in SWITCH_FILES]
        try:
            for pattern in [*patterns, "topo.json"]:  # the state last: it has the switches' names
                for path in self.path.glob(pattern):
                    path.unlink(missing_ok=True)
        except OSError as err:
            what = f"cannot remove {err.filename}: {err.strerror}"
            raise RunDirError(self.path, what) from err
        for folder in (self.records, self.hosts):
            shutil.rmtree(folder, ignore_errors=True)

    def switches(self) -> set[str]:
        """Names of the switches, as patterns of glob: of those with a socket or in the state."""
        names = {glob.escape(path.name.removesuffix(P4RT)) for path in self.path.glob(f"*{P4RT}")}
        try:
            switches = json.loads(self.state.read_bytes())["topology"]["switches"]
            return names | {glob.escape(str(switch["name"])) for switch in switches}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return names  # no network got as far as writing it, or it is damaged


def tail(path: Path) -> list[str]:
    """The last lines of a log; an empty list when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        return []
