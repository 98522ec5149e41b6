"""Parameters of each operation that the daemon offers, and their validation."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from topo.errors import RequestError
from topo.protocol.channel import Message

INT_MAX = 2**31 - 1


class Params(BaseModel):
    """Base of an operation's parameters: no unknown keys, no type conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NoParams(Params):
    """Of `repair`, `spec` and `down`."""


class StatusParams(Params):
    """Of `status`; with `probe` each program is asked whether it answers."""

    probe: bool = False


class SocketParams(Params):
    """Of `socket`; the numbers are those of socket(2)."""

    node: str
    family: int = Field(ge=0, le=INT_MAX)
    type: int = Field(ge=0, le=INT_MAX)
    proto: int = Field(default=0, ge=0, le=INT_MAX)


class ExecParams(Params):
    """Of `exec`; the descriptors of standard input, output and error travel with the request.

    `privileged` is for containers: the program shares the network only, as one of a machine does.
    """

    node: str
    argv: list[str] = Field(min_length=1)
    env: dict[str, str] | None = None
    cwd: str = "/"
    privileged: bool = False


class SignalParams(Params):
    """Of `signal`, on a connection whose `exec` is running."""

    signal: int = Field(ge=1, le=64)


P = TypeVar("P", bound=Params)


def params_of(model: type[P], request: Message) -> P:
    """Validate the parameters of a request; raise RequestError for the first wrong one."""
    try:
        return model.model_validate(request.get("params", {}))
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(key) for key in first["loc"]) or "params"
        raise RequestError("bad_request", where, first["msg"]) from None
