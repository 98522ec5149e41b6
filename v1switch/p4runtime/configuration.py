"""Setting pipelines: verify, save, commit, reconcile (specification 1.4, "SetForwarding...")."""

from __future__ import annotations

from collections.abc import Callable

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Prepared
from v1switch.errors import SwitchError
from v1switch.p4runtime.errors import Code, Refused, invalid, not_found, refusal
from v1switch.p4runtime.pipeline import Pipeline, verify
from v1switch.p4runtime.replay import changes, keep
from v1switch.p4runtime.schema import Schema
from v1switch.program.model import Program

Action = p4rt.SetForwardingPipelineConfigRequest.Action
ResponseType = p4rt.GetForwardingPipelineConfigRequest.ResponseType
Verified = tuple[Schema, Prepared]
NO_PIPELINE = "No forwarding pipeline config set for this device"  # BMv2's words


class Configuration:
    """The running pipeline, and the one that is saved and not yet committed.

    The caller serialises calls with writes and reads; only `verified` may run in parallel.
    """

    def __init__(self, plane: Dataplane) -> None:
        """Start without a pipeline."""
        self._plane = plane
        self._running: Pipeline | None = None
        self._program: Program | None = None  # that `_running` was set for
        self.saved: Pipeline | None = None
        self._saved_program: Prepared | None = None  # compiled, to be committed

    @property
    def running(self) -> Pipeline | None:
        """The running pipeline; None too when another program was loaded otherwise (Thrift)."""
        return self._running if self._plane.program is self._program else None

    @property
    def current(self) -> Pipeline | None:
        """The pipeline that writes and reads refer to."""
        return self.saved or self.running

    def verified(self, request: p4rt.SetForwardingPipelineConfigRequest) -> Verified | None:
        """Return the request's configuration, verified and compiled; None for COMMIT.

        Raises:
            Refused: INVALID_ARGUMENT: the configuration is missing, superfluous or invalid.
        """
        if request.action not in _ACTIONS:
            raise invalid(f"action {request.action} is unknown")
        if (request.action == Action.COMMIT) == request.HasField("config"):
            wish = "without" if request.HasField("config") else "with"
            raise invalid(f"{Action.Name(request.action)} goes {wish} a config")
        if request.action == Action.COMMIT:
            return None
        try:
            return verify(request.config, self._plane)
        except SwitchError as error:
            raise refusal(error) from error

    def apply(
        self, request: p4rt.SetForwardingPipelineConfigRequest, verified: Verified | None
    ) -> None:
        """Carry out the request, with what `verified` returned for it.

        Raises:
            Refused: nothing is saved (COMMIT), or the state cannot be kept (RECONCILE_AND_COMMIT).
        """
        _ACTIONS[request.action](self, request, verified)

    def get(self, response_type: int) -> p4rt.GetForwardingPipelineConfigResponse:
        """Return the requested parts of the configuration.

        Raises:
            Refused: an unknown response type, or no pipeline has been set.
        """
        parts = _PARTS.get(response_type)
        if parts is None:
            raise invalid(f"response_type {response_type} is unknown")
        if self.current is None:  # BMv2's answer; the specification's would be an empty one
            raise Refused(Code.FAILED_PRECONDITION, NO_PIPELINE)
        response = p4rt.GetForwardingPipelineConfigResponse()
        config = self.current.config
        response.config.SetInParent()
        if config.HasField("cookie"):
            response.config.cookie.CopyFrom(config.cookie)
        if "p4info" in parts:
            response.config.p4info.CopyFrom(config.p4info)
        if "p4_device_config" in parts:
            response.config.p4_device_config = config.p4_device_config
        return response

    def _verify(
        self, _request: p4rt.SetForwardingPipelineConfigRequest, _verified: Verified
    ) -> None:
        """VERIFY: nothing remains to be done."""

    def _save(self, request: p4rt.SetForwardingPipelineConfigRequest, verified: Verified) -> None:
        schema, self._saved_program = verified
        self.saved = self._scratch(request.config, schema, self._saved_program.program)

    def _save_and_commit(
        self, request: p4rt.SetForwardingPipelineConfigRequest, verified: Verified
    ) -> None:
        schema, prepared = verified
        self._start(self._scratch(request.config, schema, prepared.program), prepared)

    def _commit(self, _request: p4rt.SetForwardingPipelineConfigRequest, _verified: None) -> None:
        if self.saved is None or self._saved_program is None:
            raise not_found("no configuration is saved (VERIFY_AND_SAVE)")
        self._start(self.saved, self._saved_program)

    def _reconcile(
        self, request: p4rt.SetForwardingPipelineConfigRequest, verified: Verified
    ) -> None:
        state = self._changes(self.running) if self.running else []
        schema, prepared = verified
        scratch = self._scratch(request.config, schema, prepared.program)
        for update in state:
            keep(scratch, update)
        self._start(scratch, prepared, keep_counts=True)

    def _changes(self, pipeline: Pipeline) -> list[p4rt.Update]:
        """Return what clients and packets have changed in a pipeline since it was committed."""
        program = pipeline.plane.state.program
        fresh = self._scratch(pipeline.config, pipeline.schema, program)
        return list(changes(pipeline, fresh))

    def _scratch(
        self, config: p4rt.ForwardingPipelineConfig, schema: Schema, program: Program
    ) -> Pipeline:
        """Return the pipeline on a separate data plane, which no packet reaches."""
        return Pipeline(config, schema, self._plane.scratch(program))

    def _start(self, scratch: Pipeline, prepared: Prepared, *, keep_counts: bool = False) -> None:
        """Swap to a pipeline with all of its state: packets see the old one or the new one."""
        plane, made = self._plane, scratch.plane
        plane.adopt(prepared, made.state, made.replication, keep_counts=keep_counts)
        self._running = Pipeline(scratch.config, scratch.schema, plane, scratch.notes)
        self._program = prepared.program
        self.saved, self._saved_program = None, None


_ACTIONS: dict[int, Callable[..., None]] = {
    Action.VERIFY: Configuration._verify,
    Action.VERIFY_AND_SAVE: Configuration._save,
    Action.VERIFY_AND_COMMIT: Configuration._save_and_commit,
    Action.COMMIT: Configuration._commit,
    Action.RECONCILE_AND_COMMIT: Configuration._reconcile,
}

_PARTS: dict[int, tuple[str, ...]] = {
    ResponseType.ALL: ("p4info", "p4_device_config"),
    ResponseType.COOKIE_ONLY: (),
    ResponseType.P4INFO_AND_COOKIE: ("p4info",),
    ResponseType.DEVICE_CONFIG_AND_COOKIE: ("p4_device_config",),
}
