"""The errors of rxpath, which carry their fields."""

from __future__ import annotations

from rxpath.texts import escaped, shown


class RxPathError(Exception):
    """Base class of the errors of rxpath."""


class ConfigError(RxPathError):
    """The caller's configuration is wrong: ``key`` holds ``value``, but ``allowed`` is expected."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        self.key = key
        self.value = value
        self.allowed = allowed
        super().__init__(f"{escaped(key)}: got {shown(value)}, expected {escaped(allowed)}")


class PolicyError(ConfigError):
    """A custom steering policy is wrong: ``what``, at ``line`` of ``path`` (0: no line)."""

    def __init__(self, path: str, line: int, what: str) -> None:
        super().__init__("policy", path, what)
        self.path = path
        self.line = line
        self.what = what

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return escaped(f"{place}: {self.what}")

    def __reduce__(self) -> tuple[type[PolicyError], tuple[str, int, str]]:
        """For pickling, when it was raised in another process."""
        return PolicyError, (self.path, self.line, self.what)


class ControlError(RxPathError):
    """The control socket's peer refused or failed: `kind` is bad_request, failed or gone."""

    def __init__(self, kind: str, where: str, message: str) -> None:
        self.kind = kind
        self.where = where
        self.message = message
        super().__init__(f"{where}: {message}")

    @property
    def is_bad_request(self) -> bool:
        """Whether the request was wrong, and not the peer."""
        return self.kind == "bad_request"
