"""Action profile members and groups (specification 1.4, "ActionProfileMember", ...)."""

from __future__ import annotations

from collections.abc import Iterator

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.actions import check_weights, encode_call, group_size, profile_call
from v1switch.p4runtime.bytestrings import encode
from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.errors import Code, Refused, invalid
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.ports import watch_port
from v1switch.p4runtime.schema import Profile, lookup, select
from v1switch.state.entries import Group, GroupMember, Member


class Members(Handler):
    """Members of action profiles."""

    member = "action_profile_member"

    def insert(self, pipeline: Pipeline, message: p4rt.ActionProfileMember) -> None:
        """Add a member."""
        profile = _profile(pipeline, message)
        member = _member(message, profile)
        _manual(pipeline, profile)
        pipeline.plane.insert_member(profile.name, member)

    def modify(self, pipeline: Pipeline, message: p4rt.ActionProfileMember) -> None:
        """Change a member's action, wherever the member is used."""
        profile = _profile(pipeline, message)
        pipeline.plane.modify_member(profile.name, _member(message, profile))

    def delete(self, pipeline: Pipeline, message: p4rt.ActionProfileMember) -> None:
        """Remove a member; other fields than its ids are ignored."""
        profile = _profile(pipeline, message)
        pipeline.plane.delete_member(profile.name, message.member_id)

    def read(self, pipeline: Pipeline, message: p4rt.ActionProfileMember, new: New) -> None:
        """Read one member, or all of a profile, or all."""
        schema, wanted_id = pipeline.schema, message.action_profile_id
        for profile in select(schema, schema.profiles, wanted_id, "action profile"):
            actions = {action.name: action for action in profile.actions.values()}
            for member in pipeline.plane.members(profile.name):
                if message.member_id in (0, member.member_id):
                    found = new()
                    found.action_profile_id = profile.id
                    found.member_id = member.member_id
                    encode_call(member.action, actions[member.action.name], found.action)


class Groups(Handler):
    """Groups of action selectors."""

    member = "action_profile_group"

    def insert(self, pipeline: Pipeline, message: p4rt.ActionProfileGroup) -> None:
        """Add a group."""
        profile = _profile(pipeline, message)
        group = _group(message, profile)
        _manual(pipeline, profile)
        pipeline.plane.insert_group(profile.name, group)
        pipeline.notes.written[_note(profile, message)] = _canonical(message)

    def modify(self, pipeline: Pipeline, message: p4rt.ActionProfileGroup) -> None:
        """Replace a group's members; its maximum size cannot change."""
        profile = _profile(pipeline, message)
        group = _group(message, profile)
        before = pipeline.notes.written.get(_note(profile, message))
        if before is not None and before.max_size != message.max_size:
            raise invalid(
                f"{profile.name!r}: group {message.group_id} was made with max_size "
                f"{before.max_size}, it cannot become {message.max_size}"
            )
        pipeline.plane.modify_group(profile.name, group)
        pipeline.notes.written[_note(profile, message)] = _canonical(message)

    def delete(self, pipeline: Pipeline, message: p4rt.ActionProfileGroup) -> None:
        """Remove a group; other fields than its ids are ignored."""
        profile = _profile(pipeline, message)
        pipeline.plane.delete_group(profile.name, message.group_id)
        pipeline.notes.written.pop(_note(profile, message), None)

    def read(self, pipeline: Pipeline, message: p4rt.ActionProfileGroup, new: New) -> None:
        """Read one group, or all of a profile, or all."""
        schema, wanted_id = pipeline.schema, message.action_profile_id
        for profile in select(schema, schema.profiles, wanted_id, "action profile"):
            for group in pipeline.plane.groups(profile.name):
                if message.group_id in (0, group.group_id):
                    new().CopyFrom(_as_written(pipeline, profile, group))


def _as_written(pipeline: Pipeline, profile: Profile, group: Group) -> p4rt.ActionProfileGroup:
    """The group as a client wrote it, or as it is when it has been changed otherwise since."""
    written = pipeline.notes.written.get((Groups.member, profile.id, group.group_id))
    if written is not None and tuple(_group_members(written)) == group.members:
        return written
    made = p4rt.ActionProfileGroup(action_profile_id=profile.id, group_id=group.group_id)
    if written is not None:
        made.max_size = written.max_size
    for each in group.members:
        member = made.members.add(member_id=each.member_id, weight=each.weight)
        if each.watch_port is not None:
            member.watch_port = encode(each.watch_port)
    return made


def _profile(pipeline: Pipeline, message: p4rt.ActionProfileMember) -> Profile:
    return lookup(
        pipeline.schema, pipeline.schema.profiles, message.action_profile_id, "action profile"
    )


def _note(profile: Profile, message: p4rt.ActionProfileGroup) -> tuple[str, int, int]:
    return Groups.member, profile.id, message.group_id


def _manual(pipeline: Pipeline, profile: Profile) -> None:
    if pipeline.plane.action_sets(profile.name):
        raise invalid(f"{profile.name!r} is programmed with action sets, not with members")


def _member(message: p4rt.ActionProfileMember, profile: Profile) -> Member:
    if not message.member_id:
        raise invalid(f"{profile.name!r}: a member's id cannot be 0")
    if not message.HasField("action"):
        raise invalid(f"{profile.name!r}: member {message.member_id} has no action")
    return Member(message.member_id, profile_call(message.action, profile))


def _group(message: p4rt.ActionProfileGroup, profile: Profile) -> Group:
    """Return the group of a message, checked against P4Info's sizes.

    The size is checked here, as P4Info's semantics count it, so the data plane gets no limit.
    """
    where = f"{profile.name!r}, group {message.group_id}"
    if not profile.with_selector:
        raise invalid(f"{profile.name!r} has no selector, so it has no groups")
    if not message.group_id:
        raise invalid(f"{profile.name!r}: a group's id cannot be 0")
    ids = [each.member_id for each in message.members]
    if len(set(ids)) != len(ids):
        raise invalid(f"{where}: a member appears twice")
    largest = profile.max_group_size
    if message.max_size < 0 or (largest and not 0 < message.max_size <= largest):
        wish = f"1..{largest}" if largest else "0 or more"
        raise invalid(f"{where}: max_size is {message.max_size}, expected {wish}")
    weights = [each.weight for each in message.members]
    check_weights(weights, profile)
    limit = message.max_size
    if limit and group_size(weights, profile) > limit:
        raise Refused(Code.RESOURCE_EXHAUSTED, f"{where}: larger than its maximum of {limit}")
    return Group(message.group_id, tuple(_group_members(message)))


def _group_members(message: p4rt.ActionProfileGroup) -> Iterator[GroupMember]:
    return (GroupMember(each.member_id, each.weight, watch_port(each)) for each in message.members)


def _canonical(message: p4rt.ActionProfileGroup) -> p4rt.ActionProfileGroup:
    """Return the message with its byte strings in their shortest form."""
    written = p4rt.ActionProfileGroup()
    written.CopyFrom(message)
    for each in written.members:
        if each.WhichOneof("watch_kind") == "watch_port" and each.watch_port:
            each.watch_port = encode(int.from_bytes(each.watch_port, "big"))
    return written
