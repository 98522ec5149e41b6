"""Members and groups of action profiles."""

from __future__ import annotations

from v1switch.control.core import Core
from v1switch.errors import UnknownObject
from v1switch.state.entries import Group, Member
from v1switch.state.profiles import RuntimeProfile


class ProfileControl(Core):
    """Action profiles. Every method raises NoProgram and UnknownObject besides what it lists."""

    def _profile(self, name: str) -> RuntimeProfile:
        profile = self.state.profiles.get(name)
        if profile is None:
            raise UnknownObject("action profile", name)
        return profile

    def insert_member(self, profile: str, member: Member) -> None:
        """Add a member. Raises BadAction, DuplicateEntry, TableFull."""
        with self._gate.writer():
            target = self._profile(profile)
            target.insert_member(member)
            self._record_undo(lambda: target.delete_member(member.member_id))

    def modify_member(self, profile: str, member: Member) -> None:
        """Change a member's action. Raises BadAction, EntryNotFound."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.modify_member(member)
            self._record_undo(lambda: target.modify_member(before))

    def delete_member(self, profile: str, member_id: int) -> None:
        """Remove a member. Raises EntryNotFound, InUse."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.delete_member(member_id)
            self._record_undo(lambda: target.insert_member(before))

    def members(self, profile: str) -> list[Member]:
        """All members."""
        with self._gate.writer():
            return [Member(i, a) for i, a in self._profile(profile).actions.items()]

    def insert_group(self, profile: str, group: Group) -> None:
        """Add a group.

        Raises:
            BadAction: the profile has no selector.
            BadValue: a weight below 1, a member twice, a watch port that does not exist.
            DuplicateEntry, EntryNotFound: the group exists, a member does not.
            TableFull: more weight than the group's max_size.
        """
        with self._gate.writer():
            target = self._profile(profile)
            target.insert_group(group)
            self._record_undo(lambda: target.delete_group(group.group_id))

    def modify_group(self, profile: str, group: Group) -> None:
        """Replace a group's members. Raises as `insert_group`, EntryNotFound for the group."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.modify_group(group)
            self._record_undo(lambda: target.modify_group(before))

    def delete_group(self, profile: str, group_id: int) -> None:
        """Remove a group. Raises EntryNotFound, InUse."""
        with self._gate.writer():
            target = self._profile(profile)
            before = target.delete_group(group_id)
            self._record_undo(lambda: target.insert_group(before))

    def groups(self, profile: str) -> list[Group]:
        """All groups."""
        with self._gate.writer():
            return [g.group for g in self._profile(profile).groups.values()]

    def set_port_status(self, port: int, up: bool) -> None:
        """Take group members whose watch port is `port` out of (or back into) selection.

        Works without a program as well, and holds for programs that are loaded later.
        """
        with self._gate.writer():
            (self.ports.down.discard if up else self.ports.down.add)(port)
            if self._state is not None:
                self._state.refresh_groups()
