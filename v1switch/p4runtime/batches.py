"""Batches of updates and of read requests (specification 1.4, "Write RPC" and "Read RPC")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.errors import SwitchError
from v1switch.p4runtime import limits
from v1switch.p4runtime.entities import HANDLERS, Handler
from v1switch.p4runtime.errors import BatchFailed, Code, Refused, invalid, refusal
from v1switch.p4runtime.pipeline import Pipeline

CHUNK = 256  # entities in one ReadResponse

log = logging.getLogger(__name__)

Result = Refused | None
_Atomicity = p4rt.WriteRequest.Atomicity


def write(pipeline: Pipeline, request: p4rt.WriteRequest) -> None:
    """Apply a batch of updates, in their order.

    Raises:
        Refused: the atomicity is not one of the specification's.
        BatchFailed: updates failed. With CONTINUE_ON_ERROR the others are applied, with the two
            other modes none is.
    """
    mode = _MODES.get(request.atomicity)
    if mode is None:
        raise invalid(f"atomicity {request.atomicity} is unknown")
    failure = _failure(mode(pipeline, request.updates), "updates failed")
    if failure is not None:
        raise failure


def read(
    pipeline: Pipeline, request: p4rt.ReadRequest
) -> tuple[list[p4rt.ReadResponse], BatchFailed | None]:
    """Return the responses to a batch of requests, at least one, and the failure if there is one.

    A request that fails adds no entities.

    Raises:
        Refused: the answer would be too long.
    """
    answer: list[p4rt.ReadResponse] = [p4rt.ReadResponse()]
    results: list[Result] = []
    for wanted in request.entities:
        results.append(_guarded(_select, pipeline, wanted, answer))
        if isinstance(results[-1], _TooMuch):
            raise results[-1]
    return answer, _failure(results, "requests failed")


def entities(pipeline: Pipeline, wanted: p4rt.Entity) -> list[p4rt.Entity]:
    """Return what one request selects; raises Refused or an error of the data plane."""
    answer: list[p4rt.ReadResponse] = [p4rt.ReadResponse()]
    _select(pipeline, wanted, answer)
    return [entity for response in answer for entity in response.entities]


def apply(pipeline: Pipeline, update: p4rt.Update) -> None:
    """Apply one update; raises Refused or an error of the data plane."""
    handler, message = _dispatch(update.entity)
    handler.write(pipeline, update.type, message)


class _TooMuch(Refused):
    """The answer to a Read is too long."""

    def __init__(self) -> None:
        what = f"the answer has more than {limits.MAX_ENTITIES:,} entities, the limit"
        super().__init__(Code.RESOURCE_EXHAUSTED, f"{what}: read one table at a time")


class _RolledBack(Exception):
    """Ends a transaction; `failure` is why the update at `index` failed."""

    def __init__(self, index: int, failure: Refused) -> None:
        super().__init__(index)
        self.index = index
        self.failure = failure


def _continue_on_error(pipeline: Pipeline, updates: Iterable[p4rt.Update]) -> list[Result]:
    return [_attempt(pipeline, update) for update in updates]


def _all_or_none(pipeline: Pipeline, updates: Iterable[p4rt.Update]) -> list[Result]:
    """Apply all updates while no packet is processed; the first failure undoes them all.

    Raises:
        Refused: there are so many that packets would wait for too long.
    """
    updates = list(updates)
    if len(updates) > limits.MAX_ATOMIC_UPDATES:
        limit = (
            f"the limit of a batch that is all or nothing is {limits.MAX_ATOMIC_UPDATES} updates"
        )
        raise Refused(Code.RESOURCE_EXHAUSTED, f"{limit}: split it or use CONTINUE_ON_ERROR")
    try:
        with pipeline.transaction():
            for index, update in enumerate(updates):
                failure = _attempt(pipeline, update)
                if failure is not None:
                    raise _RolledBack(index, failure)
    except _RolledBack as end:
        results: list[Result] = [_ROLLED_BACK] * end.index
        results += [end.failure, *[_NOT_ATTEMPTED] * (len(updates) - end.index - 1)]
        return results
    return [None] * len(updates)


def _attempt(pipeline: Pipeline, update: p4rt.Update) -> Result:
    return _guarded(apply, pipeline, update)


def _select(pipeline: Pipeline, wanted: p4rt.Entity, answer: list[p4rt.ReadResponse]) -> None:
    """Append what a request selects to the responses; nothing when it fails.

    Entities are created in the response: copying messages is the costly part of a read.
    """
    handler, request = _dispatch(wanted)
    messages, entries = len(answer), len(answer[-1].entities)

    def new() -> Any:
        if len(answer[-1].entities) >= CHUNK:
            if len(answer) * CHUNK >= limits.MAX_ENTITIES:
                raise _TooMuch
            answer.append(p4rt.ReadResponse())
        made = getattr(answer[-1].entities.add(), handler.member)
        made.SetInParent()
        return made

    try:
        handler.read(pipeline, request, new)
    except BaseException:
        del answer[messages:]
        del answer[-1].entities[entries:]
        raise


def _guarded(work: Callable[..., None], *args: Any) -> Result:
    """Process one element; returns why it failed, or None."""
    try:
        work(*args)
    except SwitchError as error:
        return refusal(error)
    except Exception:
        log.exception("internal error")
        return _INTERNAL
    return None


def _dispatch(entity: p4rt.Entity) -> tuple[Handler, object]:
    member = entity.WhichOneof("entity")
    if member is None:
        raise invalid("the entity is not set")
    return HANDLERS[member], getattr(entity, member)


def _failure(results: list[Result], summary: str) -> BatchFailed | None:
    failures = [each for each in results if each is not None]
    if not failures:
        return None
    first = next(each for each in failures if each not in (_ROLLED_BACK, _NOT_ATTEMPTED))
    return BatchFailed(f"{len(failures)} of {len(results)} {summary}: {first}", results)


_INTERNAL = Refused(Code.INTERNAL, "internal error, see the switch's log")
_ROLLED_BACK = Refused(Code.ABORTED, "rolled back: another update of the batch failed")
_NOT_ATTEMPTED = Refused(Code.ABORTED, "not attempted: another update of the batch failed")

_MODES: dict[int, Callable[[Pipeline, Iterable[p4rt.Update]], list[Result]]] = {
    _Atomicity.CONTINUE_ON_ERROR: _continue_on_error,
    _Atomicity.ROLLBACK_ON_ERROR: _all_or_none,
    _Atomicity.DATAPLANE_ATOMIC: _all_or_none,
}
