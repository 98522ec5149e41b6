"""Requests of all kinds to the P4Runtime service, in process, without a socket."""

import contextlib
from functools import cache
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import FieldDescriptor
from p4.v1 import p4runtime_pb2 as rt

from tests.fuzz import worlds
from tests.fuzz.choices import Choices
from tests.fuzz.oracles import LEGAL, check_message, check_refusal
from tests.v1switch.test_p4runtime_fuzz import ZOO_ENTITIES
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime import configuration
from v1switch.p4runtime.device import Device
from v1switch.p4runtime.errors import Refused
from v1switch.p4runtime.service import Service
from v1switch.p4runtime.session import Session

DEVICE_ID = 1
ELECTION = {"low": 1}
NAMES = ("p4runtime_zoo", "p4runtime_zoo", "tables", "matching", "selector", "externs")
NAMES += ("preinitialized",)
DEPTH = 6
ACTIONS = ("VERIFY", "VERIFY_AND_SAVE", "VERIFY_AND_COMMIT", "COMMIT", "RECONCILE_AND_COMMIT")
KINDS = [field.name for field in rt.Entity.DESCRIPTOR.fields]
Codes = list[str]


class Aborted(Exception):
    """The call ended with a status."""


class Context:
    """As much of a gRPC context as the service uses."""

    def __init__(self) -> None:
        self.status: tuple[grpc.StatusCode, str] | None = None
        self.details = b""

    def abort(self, code: grpc.StatusCode, message: str) -> NoReturn:
        """End the call."""
        self.status = code, message
        raise Aborted(message)

    def set_trailing_metadata(self, metadata: Any) -> None:
        """Keep the details of a batch's status."""
        self.details = dict(metadata)["grpc-status-details-bin"]


# -- the switch ------------------------------------------------------------------------------------


@cache
def _request(name: str) -> rt.SetForwardingPipelineConfigRequest:
    request = rt.SetForwardingPipelineConfigRequest(device_id=DEVICE_ID, election_id=ELECTION)
    request.action = request.VERIFY_AND_COMMIT
    request.config.p4info.CopyFrom(worlds.p4info(name))
    request.config.p4_device_config = worlds.program_text(name).encode()
    return request


@cache
def _verified(name: str) -> configuration.Verified | None:
    plane = Dataplane(PythonEngine(), cpu_port=worlds.CPU_PORT)
    return configuration.Configuration(plane).verified(_request(name))


def switch(name: str) -> tuple[Dataplane, Device, Session]:
    """A fresh switch that runs a program, with a primary client."""
    plane = Dataplane(PythonEngine(), cpu_port=worlds.CPU_PORT)
    device, session = Device(plane, DEVICE_ID), Session("a test", lambda: None)
    bid = {"device_id": DEVICE_ID, "election_id": ELECTION}
    device.receive(session, rt.StreamMessageRequest(arbitration=bid))
    device.configuration.apply(_request(name), _verified(name))  # compiled once, not each time
    running = device.configuration.running
    assert running is not None
    device.notifier.use(running.schema)
    return plane, device, session


def dump(service: Service) -> list[bytes]:
    """All that clients can read, as bytes."""
    request = rt.ReadRequest(device_id=DEVICE_ID, entities=WILDCARDS)
    found: list[rt.Entity] = []
    with contextlib.suppress(Aborted):  # parts that are UNIMPLEMENTED fail at the end of the rest
        for answer in service.Read(request, Context()):
            found += answer.entities
    return [each.SerializeToString(deterministic=True) for each in found]


WILDCARDS = [
    rt.Entity(table_entry={"counter_data": {}, "meter_config": {}}),
    rt.Entity(table_entry={"is_default_action": True}),
    *(rt.Entity(**{kind: {}}) for kind in ("action_profile_member", "action_profile_group")),
    rt.Entity(packet_replication_engine_entry={"multicast_group_entry": {}}),
    rt.Entity(packet_replication_engine_entry={"clone_session_entry": {}}),
    *(rt.Entity(**{kind: {}}) for kind in ("value_set_entry", "digest_entry")),
    *(rt.Entity(**{kind: {}}) for kind in ("meter_entry", "counter_entry", "register_entry")),
]


# -- requests --------------------------------------------------------------------------------------


@cache
def _ids(name: str) -> list[int]:
    info = worlds.p4info(name)
    kinds = [field.name for field in info.DESCRIPTOR.fields if field.label == field.LABEL_REPEATED]
    items = [each for kind in kinds for each in getattr(info, kind) if hasattr(each, "preamble")]
    return [each.preamble.id for each in items]


def _scalar(field: FieldDescriptor, name: str, choose: Choices) -> Any:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return choose.take(choose.pick((1, 1, 1, 0, 2, 4, 6, 9, 40)))
    if field.type == FieldDescriptor.TYPE_STRING:
        return choose.pick(("", "x", "role", "a'b", "line\nbreak", "é" * 300))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return choose.chance(2)
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return float(choose.byte())
    if field.name.endswith("_id") and choose.byte() % 4:
        return choose.pick(_ids(name) or [0]) if choose.byte() % 2 else choose.below(4)
    return _integer(field, choose.integer())


def _integer(field: FieldDescriptor, value: int) -> int:
    """A number cut to the field's type."""
    signed = field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    long = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    bits = 63 if long else 31
    return max(-(2**bits), min(value, 2**bits - 1)) if signed else abs(value) % 2 ** (bits + 1)


def _set(message: Any, field: FieldDescriptor, name: str, choose: Choices) -> None:
    repeated = field.label == FieldDescriptor.LABEL_REPEATED
    if field.type == FieldDescriptor.TYPE_ENUM:
        value = choose.below(6)
    else:
        value = _scalar(field, name, choose)
    if repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def fill(message: Any, name: str, choose: Choices, depth: int = DEPTH) -> None:
    """Fill a message's fields by choice; ids are mostly ones that exist."""
    for field in message.DESCRIPTOR.fields:
        if not choose.byte() % 3:
            continue
        if field.message_type is None:
            _set(message, field, name, choose)
        elif depth and not field.message_type.full_name.startswith("google."):
            target = getattr(message, field.name)
            if field.label == FieldDescriptor.LABEL_REPEATED:
                for _ in range(choose.below(3)):
                    fill(target.add(), name, choose, depth - 1)
            else:
                target.SetInParent()
                fill(target, name, choose, depth - 1)


def disturb(message: Any, name: str, choose: Choices, parts: int) -> None:
    """Change some of the fields that are set."""
    for field, value in message.ListFields():
        change = choose.below(parts)
        if change == 1:
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            repeated = field.label == FieldDescriptor.LABEL_REPEATED
            for each in list(value) if repeated else [value]:
                if not field.message_type.full_name.startswith("google."):
                    disturb(each, name, choose, parts)
                if repeated and change == 2:
                    value.add().CopyFrom(each)
        elif change == 3 and field.label != FieldDescriptor.LABEL_REPEATED:
            _set(message, field, name, choose)


def entity(name: str, choose: Choices) -> rt.Entity:
    """One that fits the zoo, as it is or changed in places; or one that is made up."""
    made = rt.Entity()
    if choose.byte() % 4:
        made.CopyFrom(choose.pick(ZOO_ENTITIES))
        disturb(made, name, choose, choose.pick((1000, 40, 10)))
    else:
        member = getattr(made, choose.pick(KINDS))
        member.SetInParent()
        fill(member, name, choose)
    return made


def _header(request: Any, choose: Choices) -> None:
    """Device, role and election id: mostly right."""
    request.device_id = DEVICE_ID
    if hasattr(request, "election_id"):
        request.election_id.low = 1
    if not choose.chance(24):
        return
    for field in request.DESCRIPTOR.fields[:4]:
        if field.message_type is None and field.label != FieldDescriptor.LABEL_REPEATED:
            _set(request, field, NAMES[0], choose)


# -- calls -----------------------------------------------------------------------------------------


def _call(method: Any, request: Any) -> Codes:
    """The status of each element of the call, checked."""
    context = Context()
    try:
        answer = method(request, context)
        if not hasattr(answer, "DESCRIPTOR"):
            for each in answer:
                each.SerializeToString()
    except Aborted:
        return _status(context)
    return ["OK"]


def _status(context: Context) -> Codes:
    assert context.status is not None
    code, message = context.status
    check_message(message)
    if not context.details:
        assert code.name in LEGAL, f"{code.name}: {message}"
        return [code.name]
    from google.rpc import status_pb2

    codes = []
    for packed in status_pb2.Status.FromString(context.details).details:
        error = rt.Error()
        packed.Unpack(error)
        codes.append(grpc.StatusCode.OK if not error.canonical_code else _by_number(error))
        if error.canonical_code not in (0, 10):
            check_message(error.message)
    names = [each.name for each in codes]
    assert set(names) <= LEGAL, f"{names}: {message}"
    return names


def _by_number(error: rt.Error) -> grpc.StatusCode:
    return next(code for code in grpc.StatusCode if code.value[0] == error.canonical_code)


def _write(service: Service, name: str, choose: Choices) -> Codes:
    request = rt.WriteRequest(atomicity=choose.pick((0, 1, 2, 0, 0, 1, 2, 7)))
    _header(request, choose)
    for _ in range(choose.below(4)):
        made = request.updates.add(type=choose.pick((1, 1, 1, 2, 3, 0, 9)))
        made.entity.CopyFrom(entity(name, choose))
    before = dump(service)
    codes = _call(service.Write, request)
    if (request.atomicity and set(codes) != {"OK"}) or "OK" not in codes:
        assert dump(service) == before, f"a refused write changed the state: {codes}"
    return codes


def _read(service: Service, name: str, choose: Choices) -> Codes:
    request = rt.ReadRequest()
    _header(request, choose)
    for _ in range(1 + choose.below(2)):
        request.entities.add().CopyFrom(entity(name, choose))
    return _call(service.Read, request)


def _set_pipeline(service: Service, name: str, choose: Choices) -> Codes:
    request = rt.SetForwardingPipelineConfigRequest()
    _header(request, choose)
    request.action = choose.pick((1, 2, 3, 4, 5, 0, 9))
    if choose.byte() % 4:
        other = name if choose.byte() % 2 else choose.pick(NAMES)
        request.config.p4info.CopyFrom(worlds.p4info(other))
        if choose.chance(2):
            disturb(request.config.p4info, name, choose, 60)
        request.config.p4_device_config = _device_config(name, choose)
    before = dump(service)
    codes = _call(service.SetForwardingPipelineConfig, request)
    if codes != ["OK"]:
        assert dump(service) == before, f"a refused pipeline changed the state: {codes}"
    return codes


def _device_config(name: str, choose: Choices) -> bytes:
    text = worlds.program_text(name).encode()
    kind = choose.below(6)
    if kind < 3:
        return text
    cut = choose.number(2) % len(text)
    return (text[:cut], text[:cut] + choose.take(3) + text[cut + 3 :], choose.take(8))[kind - 3]


def _get_pipeline(service: Service, name: str, choose: Choices) -> Codes:
    kind = choose.below(5)
    request = rt.GetForwardingPipelineConfigRequest(device_id=DEVICE_ID, response_type=kind)
    return _call(service.GetForwardingPipelineConfig, request)


CALLS = (_write, _write, _write, _read, _set_pipeline, _get_pipeline)


def _stream(device: Device, session: Session, name: str, choose: Choices) -> str:
    message = rt.StreamMessageRequest()
    fill(message, name, choose, 4)
    try:
        device.receive(session, message)
    except Refused as refused:
        return check_refusal(refused)
    return "OK"


def warm_up() -> None:
    """Read all that is kept, so that memory is constant afterwards."""
    for name in NAMES:
        switch(name)
        _ids(name)
        worlds.p4info(name)
        worlds.frames(name)


def run(data: bytes) -> str:
    """Up to four calls on one switch, and a frame at the end."""
    choose = Choices(data)
    name = choose.pick(NAMES)
    plane, device, session = switch(name)
    service = Service(device)
    outcome = "nothing"
    for _ in range(1 + choose.below(4)):
        if choose.chance(8):
            outcome = _stream(device, session, name, choose)
        else:
            outcome = "+".join(sorted(set(choose.pick(CALLS)(service, name, choose))))
    for port, frame in worlds.frames(name)[:2]:
        plane.process(port, frame)
    if device.configuration.saved is None and choose.chance(8):
        _reconcile(service, device)
    return outcome


def _reconcile(service: Service, device: Device) -> None:
    """Reconciling with the running pipeline keeps any state."""
    configuration = device.configuration  # without arbitration
    assert configuration.running is not None
    request = rt.SetForwardingPipelineConfigRequest(device_id=DEVICE_ID, election_id=ELECTION)
    request.action = request.RECONCILE_AND_COMMIT
    request.config.CopyFrom(configuration.running.config)
    before = dump(service)
    configuration.apply(request, configuration.verified(request))
    assert dump(service) == before, "reconciling changed the state"


def show(data: bytes) -> dict[str, bytes]:
    """The bytes are the shortest form there is."""
    return {}


def seeds() -> list[bytes]:
    """One write of everything that fits."""
    return [bytes([0, 0, 0, 0, 0, 0, 0, 1, 0, 1, n]) for n in range(len(ZOO_ENTITIES))]
