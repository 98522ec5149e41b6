"""Actions of table entries, members and groups: messages to and from the data plane's values.

P4Runtime specification 1.4, "Action Specification", "Group Programming" and "One Shot Action
Selector Programming".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime import ports
from v1switch.p4runtime.bytestrings import encode
from v1switch.p4runtime.errors import Code, Refused, invalid
from v1switch.p4runtime.schema import Action, Profile, Table
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    EntryAction,
    GroupRef,
    MemberRef,
    WeightedAction,
)

SHOWN = 8  # actions that a message lists at most


def decode_call(message: p4rt.Action, action: Action) -> ActionCall:
    """Return the call of `action` that a message asks for.

    Raises:
        Refused: a parameter is unknown, repeated, missing or does not fit.
    """
    given = {each.param_id: each.value for each in message.params}
    if len(given) != len(message.params):
        raise invalid(f"action {action.name!r}: a parameter id appears twice")
    params = []
    for param in action.params:
        raw = given.pop(param.id, None)
        if raw is None:
            raise invalid(f"action {action.name!r}: parameter {param.name!r} is missing")
        what = f"action {action.name!r}, parameter {param.name!r}"
        params.append(param.value(raw, what))
    if given:
        raise invalid(f"action {action.name!r}: no parameter has id {min(given)}")
    return ActionCall(action.name, tuple(params))


def encode_call(call: ActionCall, action: Action, message: p4rt.Action) -> None:
    """Write a call of `action` into a message."""
    message.action_id = action.id
    for param, value in zip(action.params, call.params, strict=True):
        message.params.add(param_id=param.id, value=param.text(value))


def profile_call(message: p4rt.Action, profile: Profile) -> ActionCall:
    """Return the call of a member's or an action set's message.

    Raises:
        Refused: the action is not one of the profile's, or its parameters do not fit.
    """
    action = profile.actions.get(message.action_id)
    if action is None:
        there = _listed(profile.actions.values())
        raise invalid(f"{profile.name!r}: no action has id {message.action_id:#010x}, {there}")
    return decode_call(message, action)


def decode_table_action(message: p4rt.TableAction, table: Table, default: bool) -> EntryAction:
    """Return the action of an entry of `table`, or of its default entry.

    Raises:
        Refused: the kind of action does not fit the table, or the action does not.
    """
    kind = message.WhichOneof("type")
    if kind is None:
        raise invalid(f"table {table.name!r}: the action is empty")
    if (table.profile is None) != (kind == "action"):
        expected = "an action" if table.profile is None else "a member, a group or an action set"
        raise invalid(f"table {table.name!r}: the action is {kind}, expected {expected}")
    if table.profile is None:
        return _direct(message.action, table, default)
    if kind != "action_profile_member_id" and not table.profile.with_selector:
        raise invalid(
            f"table {table.name!r}: {table.profile.name!r} has no selector, so it has no groups"
        )
    return _INDIRECT[kind](message, table.profile)


def encode_table_action(action: EntryAction, table: Table, message: p4rt.TableAction) -> None:
    """Write an entry's action into a message."""
    if isinstance(action, ActionCall):
        encode_call(action, table.by_action_name[action.name], message.action)
    elif isinstance(action, MemberRef):
        message.action_profile_member_id = action.member_id
    elif isinstance(action, GroupRef):
        message.action_profile_group_id = action.group_id
    else:
        for each in action.actions:
            element = message.action_profile_action_set.action_profile_actions.add()
            encode_call(each.action, table.by_action_name[each.action.name], element.action)
            element.weight = each.weight
            if each.watch_port is not None:
                element.watch_port = encode(each.watch_port)


def check_weights(weights: list[int], profile: Profile) -> None:
    """Check the weights of a group or an action set by P4Info's size semantics.

    Raises:
        Refused: a weight is not positive or above the profile's maximum, or there are too many.
    """
    if any(weight <= 0 for weight in weights):
        raise invalid(f"{profile.name!r}: weights must be positive")
    limit = profile.max_member_weight if profile.sum_of_members else 0
    if limit and max(weights, default=0) > limit:
        raise invalid(f"{profile.name!r}: a member's weight must not exceed {limit}")


def group_size(weights: list[int], profile: Profile) -> int:
    """Return a group's size as the profile counts it: members or the sum of their weights."""
    return len(weights) if profile.sum_of_members else sum(weights)


def lacks_action(table: Table, action_id: int) -> Refused:
    """The refusal of an action that a table does not have; it names those that it has."""
    there = _listed(ref.action for ref in table.actions.values())
    return invalid(f"table {table.name!r} has no action with id {action_id:#010x}, {there}")


def _listed(actions: Iterable[Action]) -> str:
    names = [f"{action.name} ({action.id:#010x})" for action in actions]
    shown = ", ".join(names[:SHOWN]) + ", …" * (len(names) > SHOWN)
    return f"expected one of {shown}" if names else "it has none"


def _direct(message: p4rt.Action, table: Table, default: bool) -> ActionCall:
    ref = table.actions.get(message.action_id)
    if ref is None:
        raise lacks_action(table, message.action_id)
    if not (ref.as_default if default else ref.in_entries):
        place = "default action" if default else "action of an entry"
        raise Refused(
            Code.PERMISSION_DENIED,
            f"table {table.name!r}: {ref.action.name!r} may not be the {place}",
        )
    return decode_call(message, ref.action)


def _member(message: p4rt.TableAction, _profile: Profile) -> MemberRef:
    return MemberRef(message.action_profile_member_id)


def _group(message: p4rt.TableAction, _profile: Profile) -> GroupRef:
    return GroupRef(message.action_profile_group_id)


def _action_set(message: p4rt.TableAction, profile: Profile) -> ActionSet:
    elements = message.action_profile_action_set.action_profile_actions
    weights = [each.weight for each in elements]
    check_weights(weights, profile)
    size = group_size(weights, profile)
    if profile.max_group_size and size > profile.max_group_size:
        raise invalid(
            f"{profile.name!r}: the set has size {size}, the maximum is {profile.max_group_size}"
        )
    return ActionSet(
        tuple(
            WeightedAction(profile_call(each.action, profile), each.weight, ports.watch_port(each))
            for each in elements
        )
    )


_INDIRECT: Mapping[str, Callable[[Any, Profile], EntryAction]] = {
    "action_profile_member_id": _member,
    "action_profile_group_id": _group,
    "action_profile_action_set": _action_set,
}
