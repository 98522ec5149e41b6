"""Commands on action profiles: members and groups.

`table_indirect_…` are the older names, which take one of the profile's tables instead of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Command, Commands, Context
from v1switch.entryfile.errors import InvalidLine
from v1switch.state.entries import ActionCall, Group, GroupMember, Member

OLDER = {
    "act_prof_create_member": "table_indirect_create_member",
    "act_prof_modify_member": "table_indirect_modify_member",
    "act_prof_delete_member": "table_indirect_delete_member",
    "act_prof_create_group": "table_indirect_create_group",
    "act_prof_delete_group": "table_indirect_delete_group",
    "act_prof_add_member_to_group": "table_indirect_add_member_to_group",
    "act_prof_remove_member_from_group": "table_indirect_remove_member_from_group",
}


class Profiles:
    """Commands on action profiles."""

    def __init__(self, context: Context) -> None:
        """Work on a context's data plane."""
        self.context = context
        own: dict[str, tuple[str, Callable[[str, list[str]], None]]] = {
            "act_prof_create_member": ("ACTION PARAMETER...", self._create_member),
            "act_prof_modify_member": ("ACTION MEMBER PARAMETER...", self._modify_member),
            "act_prof_delete_member": ("MEMBER", self._delete_member),
            "act_prof_create_group": ("", self._create_group),
            "act_prof_delete_group": ("GROUP", self._delete_group),
            "act_prof_add_member_to_group": ("MEMBER GROUP", self._add_to_group),
            "act_prof_remove_member_from_group": ("MEMBER GROUP", self._remove_from_group),
        }
        self.commands: Commands = {}
        for name, (form, act) in own.items():
            self.commands[name] = f"PROFILE {form}".strip(), self._on_profile(act)
            self.commands[OLDER[name]] = f"TABLE {form}".strip(), self._on_table(act)

    def _on_profile(self, act: Callable[[str, list[str]], None]) -> Command:
        return lambda args: act(self.context.profile(args[0]), args[1:])

    def _on_table(self, act: Callable[[str, list[str]], None]) -> Command:
        def command(args: list[str]) -> None:
            table = self.context.table(args[0])
            if not table.action_profile:
                raise InvalidLine(f"table {table.name!r}", "it has no action profile")
            act(table.action_profile, args[1:])

        return command

    # -- members ----------------------------------------------------------------------------------

    def _call(self, profile: str, name: str, params: list[str]) -> ActionCall:
        tables = self.context.program.tables.values()
        ids = [a for table in tables if table.action_profile == profile for a in table.actions]
        return self.context.call(f"action profile {profile!r}", ids, name, params)

    def _create_member(self, profile: str, args: list[str]) -> None:
        self.context.plane.add_member(profile, self._call(profile, args[0], args[1:]))

    def _modify_member(self, profile: str, args: list[str]) -> None:
        given = args[3:] if args[2:3] == ["=>"] else args[2:]
        call = self._call(profile, args[0], given)
        self.context.plane.modify_member(profile, Member(self._member(profile, args[1]), call))

    def _delete_member(self, profile: str, args: list[str]) -> None:
        self.context.plane.delete_member(profile, self._member(profile, args[0]))

    def _member(self, profile: str, text: str) -> int:
        return self.context.plane.member_id(profile, arguments.integer("member", text))

    # -- groups -----------------------------------------------------------------------------------

    def _create_group(self, profile: str, _args: list[str]) -> None:
        self.context.plane.add_group(profile)

    def _delete_group(self, profile: str, args: list[str]) -> None:
        self.context.plane.delete_group(profile, self._group(profile, args[0]).group_id)

    def _add_to_group(self, profile: str, args: list[str]) -> None:
        member, group = self._member(profile, args[0]), self._group(profile, args[1])
        members = (*group.members, GroupMember(member))
        self.context.plane.modify_group(profile, replace(group, members=members))

    def _remove_from_group(self, profile: str, args: list[str]) -> None:
        member, group = self._member(profile, args[0]), self._group(profile, args[1])
        left = tuple(each for each in group.members if each.member_id != member)
        if len(left) == len(group.members):
            what = f"action profile {profile!r}, group {group.group_id}"
            raise InvalidLine(what, f"member {member} is not in it")
        self.context.plane.modify_group(profile, replace(group, members=left))

    def _group(self, profile: str, text: str) -> Group:
        return self.context.plane.group_at(profile, arguments.integer("group", text))
