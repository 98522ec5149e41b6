"""Members and groups of action profiles."""

from __future__ import annotations

from v1switch.control.core import Core
from v1switch.errors import UnknownObject
from v1switch.state.entries import ActionCall, Group, Member
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
        with self._lock.writer():
            target = self._profile(profile)
            target.insert_member(member)
            self._record_undo(lambda: target.delete_member(member.member_id))

    def modify_member(self, profile: str, member: Member) -> None:
        """Change a member's action. Raises BadAction, EntryNotFound."""
        with self._lock.writer():
            target = self._profile(profile)
            before = target.modify_member(member)
            self._record_undo(lambda: target.modify_member(before))

    def delete_member(self, profile: str, member_id: int) -> None:
        """Remove a member. Raises EntryNotFound, InUse."""
        with self._lock.writer():
            target = self._profile(profile)
            before = target.actions.get(member_id)
            cell = target.delete_member(member_id)
            assert before is not None, "each member has an action"
            self._record_undo(lambda: target.restore_member(cell, before))

    def members(self, profile: str) -> list[Member]:
        """All members."""
        with self._lock.writer():
            return [Member(i, a) for i, a in self._profile(profile).actions.items()]

    def insert_group(self, profile: str, group: Group) -> None:
        """Add a group.

        Raises:
            BadAction: the profile has no selector.
            BadValue: a weight below 1, a member twice, a watch port that does not exist.
            DuplicateEntry, EntryNotFound: the group exists, a member does not.
            TableFull: more weight than the group's max_size.
        """
        with self._lock.writer():
            target = self._profile(profile)
            target.insert_group(group)
            self._record_undo(lambda: target.delete_group(group.group_id))

    def modify_group(self, profile: str, group: Group) -> None:
        """Replace a group's members. Raises as `insert_group`, EntryNotFound for the group."""
        with self._lock.writer():
            target = self._profile(profile)
            cell = target.group(group.group_id)
            copies = target.copies(cell.group, group)
            before = target.modify_group(group)

            def undo() -> None:
                cell.group = before
                target.restore_group(cell, copies)

            self._record_undo(undo)

    def delete_group(self, profile: str, group_id: int) -> None:
        """Remove a group. Raises EntryNotFound, InUse."""
        with self._lock.writer():
            target = self._profile(profile)
            copies = target.copies(target.group(group_id).group)
            cell = target.delete_group(group_id)
            self._record_undo(lambda: target.restore_group(cell, copies))

    def groups(self, profile: str) -> list[Group]:
        """All groups."""
        with self._lock.writer():
            return [g.group for g in self._profile(profile).groups.values()]

    def action_sets(self, profile: str) -> int:
        """How many table entries have an action set of this profile."""
        with self._lock.writer():
            return self._profile(profile).action_sets

    # -- by BMv2's handles ------------------------------------------------------------------------

    def add_member(self, profile: str, action: ActionCall) -> int:
        """Add a member whose id is chosen here; returns its handle. Raises BadAction, TableFull."""
        with self._lock.writer():
            target = self._profile(profile)
            member_id = target.free_member_id()
            self.insert_member(profile, Member(member_id, action))
            return target.members[member_id].handles[0]

    def add_group(self, profile: str) -> int:
        """Add an empty group whose id is chosen here; returns its handle. Raises BadAction."""
        with self._lock.writer():
            target = self._profile(profile)
            group_id = target.free_group_id()
            self.insert_group(profile, Group(group_id))
            return target.groups[group_id].handle

    def member_id(self, profile: str, handle: int) -> int:
        """The id of the member with a handle. Raises UnknownHandle, InUse (in an action set)."""
        with self._lock.writer():
            return self._profile(profile).member_at(handle).member_id

    def group_at(self, profile: str, handle: int) -> Group:
        """The group with a handle. Raises UnknownHandle, InUse (an action set)."""
        with self._lock.writer():
            return self._profile(profile).group_at(handle).group

    def held_members(self, profile: str) -> list[tuple[int, ActionCall]]:
        """All handles of members with their actions, those of action sets included, in order."""
        with self._lock.writer():
            target = self._profile(profile)
            held = target.member_handles.items()
            return [(handle, target.call_of(cell)) for handle, cell in held]

    def held_member(self, profile: str, handle: int) -> ActionCall:
        """The action of the member with a handle. Raises UnknownHandle."""
        with self._lock.writer():
            target = self._profile(profile)
            return target.call_of(target.member_handles.find(handle))

    def held_groups(self, profile: str) -> list[tuple[int, list[int]]]:
        """All handles of groups with those of their members, action sets included, in order."""
        with self._lock.writer():
            target = self._profile(profile)
            held = target.group_handles.items()
            return [(handle, target.handles_in(cell)) for handle, cell in held]

    def held_group(self, profile: str, handle: int) -> list[int]:
        """The handles of the members of the group with a handle. Raises UnknownHandle."""
        with self._lock.writer():
            target = self._profile(profile)
            return target.handles_in(target.group_handles.find(handle))

    def set_port_status(self, port: int, up: bool) -> None:
        """Take group members whose watch port is `port` out of (or back into) selection.

        Works without a program as well, and holds for programs that are loaded later.
        """
        with self._lock.writer():
            (self.ports.down.discard if up else self.ports.down.add)(port)
            if self._state is not None:
                self._state.refresh_groups()
