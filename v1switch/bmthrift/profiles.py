"""The calls about action profiles: members and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from v1switch.bmthrift import structs
from v1switch.bmthrift.codes import Refused, TableCode
from v1switch.bmthrift.target import Target
from v1switch.bmthrift.values import call_from, data_of
from v1switch.errors import UnknownObject
from v1switch.program.model import Action
from v1switch.state.entries import ActionCall, Group, GroupMember, Member


class Profiles:
    """The calls about action profiles; each raises Refused, or errors that `table_code` knows."""

    def __init__(self, target: Target) -> None:
        """Work on a switch's programs."""
        self.target = target

    # -- members ----------------------------------------------------------------------------------

    def bm_mt_act_prof_add_member(self, name: str, action: str, data: Sequence[bytes]) -> int:
        """Add a member; returns its handle."""
        call = call_from(name, self._action(name, action), data)
        return self.target.plane.add_member(name, call)

    def bm_mt_act_prof_delete_member(self, name: str, member: int) -> None:
        """Remove a member."""
        plane = self.target.plane
        with plane.exclusive():
            plane.delete_member(name, plane.member_id(name, member))

    def bm_mt_act_prof_modify_member(
        self, name: str, member: int, action: str, data: Sequence[bytes]
    ) -> None:
        """Give a member another action."""
        plane = self.target.plane
        call = call_from(name, self._action(name, action), data)
        with plane.exclusive():
            plane.modify_member(name, Member(plane.member_id(name, member), call))

    def bm_mt_act_prof_get_members(self, name: str) -> list[structs.ProfileMember]:
        """All members; none of a profile that does not exist, as BMv2 answers."""
        if name not in self.target.program.action_profiles:
            return []
        return [_member(*held) for held in self.target.plane.held_members(name)]

    def bm_mt_act_prof_get_member(self, name: str, member: int) -> structs.ProfileMember:
        """One member."""
        return _member(member, self.target.plane.held_member(name, member))

    def _action(self, name: str, action: str) -> Action | None:
        """The action of a name that may be a member, or None; raises UnknownObject."""
        program = self.target.program
        if name not in program.action_profiles:
            raise UnknownObject("action profile", name)
        tables = (t for t in program.tables.values() if t.action_profile == name)
        found = (program.action_of(table, action) for table in tables)
        return next((each for each in found if each is not None), None)

    # -- groups -----------------------------------------------------------------------------------

    def bm_mt_act_prof_create_group(self, name: str) -> int:
        """Add an empty group; returns its handle."""
        return self.target.plane.add_group(name)

    def bm_mt_act_prof_delete_group(self, name: str, group: int) -> None:
        """Remove a group."""
        plane = self.target.plane
        with plane.exclusive():
            plane.delete_group(name, plane.group_at(name, group).group_id)

    def bm_mt_act_prof_add_member_to_group(self, name: str, member: int, group: int) -> None:
        """Put a member into a group."""
        plane = self.target.plane
        with plane.exclusive():
            number, there = self._pair(name, member, group)
            if member in plane.held_group(name, group):
                raise Refused(TableCode.MBR_ALREADY_IN_GRP)
            others = {each.member_id: each for each in there.members}
            before = others.get(number)
            # a copy that a weight has made counts as one unit more
            others[number] = replace(before, weight=before.weight + 1) if before else _one(number)
            plane.modify_group(name, replace(there, members=tuple(others.values())))

    def bm_mt_act_prof_remove_member_from_group(self, name: str, member: int, group: int) -> None:
        """Take a member out of a group."""
        plane = self.target.plane
        with plane.exclusive():
            number, there = self._pair(name, member, group)
            if member not in plane.held_group(name, group):
                raise Refused(TableCode.MBR_NOT_IN_GRP)
            changed = (
                replace(each, weight=each.weight - 1) if each.member_id == number else each
                for each in there.members
            )
            left = tuple(each for each in changed if each.weight)
            plane.modify_group(name, replace(there, members=left))

    def _pair(self, name: str, member: int, group: int) -> tuple[int, Group]:
        plane = self.target.plane
        return plane.member_id(name, member), plane.group_at(name, group)

    def bm_mt_act_prof_get_groups(self, name: str) -> list[structs.ProfileGroup]:
        """All groups; none of a profile that does not exist, as BMv2 answers."""
        if name not in self.target.program.action_profiles:
            return []
        return [structs.ProfileGroup(*held) for held in self.target.plane.held_groups(name)]

    def bm_mt_act_prof_get_group(self, name: str, group: int) -> structs.ProfileGroup:
        """One group."""
        return structs.ProfileGroup(group, self.target.plane.held_group(name, group))


def _one(member_id: int) -> GroupMember:
    return GroupMember(member_id)


def _member(handle: int, call: ActionCall) -> structs.ProfileMember:
    return structs.ProfileMember(handle, call.name, data_of(call))
