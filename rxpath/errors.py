"""The one error root of this room."""

from __future__ import annotations


class RxPathError(Exception):
    """Anything that this room reports on purpose."""


class ConfigError(RxPathError):
    """The caller's configuration is wrong: ``key`` holds ``value``, but ``allowed`` is expected."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        self.key = key
        self.value = value
        self.allowed = allowed
        super().__init__(f"{key}: got {value!r}, expected {allowed}")


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
