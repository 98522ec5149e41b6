"""Action profiles at run time: members, groups and what a selector picks from."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from v1switch.errors import BadAction, BadValue, DuplicateEntry, EntryNotFound, InUse, TableFull
from v1switch.program.model import ActionProfile
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    Group,
    GroupMember,
    Member,
    WeightedAction,
)
from v1switch.state.handles import HandleTable
from v1switch.state.lookup import PICK, PICKS, Cell
from v1switch.state.words import address

Copies = dict[int, tuple[int, ...]]
"""The handles of members by their ids."""
MAX_WEIGHT = 1 << 16  # of a group in total: each unit is one slot that the selector's hash indexes


class MemberCell(Cell):
    """A member: a cell that table cells refer to as their `target`.

    BMv2 stores a member once for each unit of the largest weight that any group gives it, each
    copy with a handle; `handles` are those, in the order in which they were assigned.
    """

    __slots__ = ("handles", "member_id", "users")

    def __init__(self, member_id: int) -> None:
        """Make a member without an action."""
        super().__init__()
        self.member_id = member_id
        self.handles: list[int] = []
        self.users = 0


class SetElement(Cell):
    """An element of a table entry's action set; BMv2 has a member for each unit of its weight."""

    __slots__ = ("handles", "item")

    def __init__(self, item: WeightedAction) -> None:
        """Make an element without handles."""
        super().__init__()
        self.item = item
        self.handles: list[int] = []


class GroupCell(Cell):
    """A group. The selector's hash indexes `pick`: active members, each as often as its weight.

    `pick` is ordered by handle, because BMv2 takes the n-th handle of a group. An action set is a
    group, too, with `elements`; it has handles as long as a table entry uses it.
    """

    __slots__ = ("addresses", "elements", "group", "pick", "profile", "users")

    def __init__(self, group: Group, profile: RuntimeProfile) -> None:
        """Make a group that has nothing to pick from."""
        super().__init__()
        self.group = group
        self.profile = profile
        self.elements: tuple[SetElement, ...] = ()
        self.users = 0
        self.set_picks(())

    def set_picks(self, cells: tuple[Cell, ...]) -> None:
        """Set the cells that the selector picks from."""
        self.pick = cells
        self.addresses = array("q", [address(cell.words) for cell in cells])
        self.words[PICKS], self.words[PICK] = len(cells), address(self.addresses)


@dataclass
class PortStates:
    """The switch's ports: which exist (None: not known, so any may), and which are down."""

    known: frozenset[int] | None = None
    down: set[int] = field(default_factory=set)


class RuntimeProfile:
    """The state of one action profile."""

    def __init__(
        self,
        spec: ActionProfile,
        codes: dict[str, int],
        widths: dict[str, list[int]],
        ports: PortStates,
    ) -> None:
        """Make an empty profile.

        Args:
            spec: the profile in the program.
            codes: number of each action that may be a member.
            widths: widths of the parameters of each such action.
            ports: kept up to date by the data plane; a member whose watch port is down is not
                picked.
        """
        self.spec = spec
        self.name = spec.name
        self.members: dict[int, MemberCell] = {}
        self.groups: dict[int, GroupCell] = {}
        self.actions: dict[int, ActionCall] = {}
        self.ports = ports
        self.action_sets = 0  # that table entries use
        self.member_handles: HandleTable[MemberCell | SetElement] = HandleTable(self.name, "member")
        self.group_handles: HandleTable[GroupCell] = HandleTable(self.name, "group")
        self._codes = codes
        self._widths = widths

    # -- members --------------------------------------------------------------------------------

    def check_action(self, action: ActionCall) -> None:
        """Raise BadAction unless `action` may be a member here."""
        check_params(self.name, action, self._widths.get(action.name))

    def member(self, member_id: int) -> MemberCell:
        """Find a member; raises EntryNotFound."""
        found = self.members.get(member_id)
        if found is None:
            raise EntryNotFound(self.name, member_id, "member")
        return found

    def insert_member(self, member: Member) -> None:
        """Add a member; raises BadAction, DuplicateEntry, TableFull."""
        self.check_action(member.action)
        if member.member_id in self.members:
            raise DuplicateEntry(self.name, member.member_id, "member")
        if len(self.members) >= self.spec.max_size > 0:
            raise TableFull(self.name, self.spec.max_size)
        cell = self.members[member.member_id] = MemberCell(member.member_id)
        cell.handles.append(self.member_handles.add(cell))
        self._set_action(member)

    def _set_action(self, member: Member) -> None:
        cell = self.members[member.member_id]
        name, params = member.action.name, member.action.params
        cell.set_action(self._codes[name], params, self._widths[name])
        self.actions[member.member_id] = member.action

    def modify_member(self, member: Member) -> Member:
        """Change a member's action and return the member as it was."""
        self.check_action(member.action)
        self.member(member.member_id)
        before = Member(member.member_id, self.actions[member.member_id])
        self._set_action(member)
        return before

    def delete_member(self, member_id: int) -> MemberCell:
        """Remove a member and return its cell; raises EntryNotFound, InUse."""
        cell = self.member(member_id)
        if cell.users:
            raise InUse(self.name, "member", member_id, "a table entry")
        for group_id, group in self.groups.items():
            if any(m.member_id == member_id for m in group.group.members):
                raise InUse(self.name, "member", member_id, f"group {group_id}")
        del self.members[member_id], self.actions[member_id]
        for handle in cell.handles:
            self.member_handles.remove(handle)
        return cell

    def restore_member(self, cell: MemberCell, action: ActionCall) -> None:
        """Put a deleted member back."""
        self.members[cell.member_id], self.actions[cell.member_id] = cell, action
        for handle in cell.handles:
            self.member_handles.put(handle, cell)

    def free_member_id(self) -> int:
        """An id for the next member: the number of its handle, or else one above all ids."""
        wanted = self.member_handles.next
        return wanted if wanted not in self.members else max(self.members) + 1

    def free_group_id(self) -> int:
        """An id for the next group, as for members."""
        wanted = self.group_handles.next
        return wanted if wanted not in self.groups else max(self.groups) + 1

    # -- groups ---------------------------------------------------------------------------------

    def group(self, group_id: int) -> GroupCell:
        """Find a group; raises EntryNotFound."""
        found = self.groups.get(group_id)
        if found is None:
            raise EntryNotFound(self.name, group_id, "group")
        return found

    def check_group(self, group: Group) -> None:
        """Raise BadAction, BadValue, EntryNotFound or TableFull unless the group is valid."""
        if self.spec.selector_algo is None:
            raise BadAction(self.name, "has no selector, so it can hold no groups")
        total = 0
        for member in group.members:
            self.member(member.member_id)
            if member.weight < 1:
                raise BadValue(self.name, f"weight {member.weight} of member {member.member_id}")
            self._check_watch_port(member.watch_port)
            total += member.weight
        if len({m.member_id for m in group.members}) < len(group.members):
            raise BadValue(self.name, f"group {group.group_id} has a member twice; give it weight")
        if group.max_size and total > group.max_size:
            raise TableFull(f"{self.name} group {group.group_id}", group.max_size)
        self._check_assign_handlest(total)

    def _check_assign_handlest(self, total: int) -> None:
        if total > MAX_WEIGHT:
            raise TableFull(f"{self.name}: the weights of a group", MAX_WEIGHT)

    def _check_watch_port(self, port: int | None) -> None:
        if port is not None and self.ports.known is not None and port not in self.ports.known:
            raise BadValue(self.name, f"watch port {port} is no port of this switch")

    def insert_group(self, group: Group) -> None:
        """Add a group; raises BadAction, BadValue, DuplicateEntry, EntryNotFound, TableFull."""
        if group.group_id in self.groups:
            raise DuplicateEntry(self.name, group.group_id, "group")
        self.check_group(group)
        cell = self.groups[group.group_id] = GroupCell(group, self)
        cell.handle = self.group_handles.add(cell)
        self._assign_handles(cell)

    def modify_group(self, group: Group) -> Group:
        """Replace a group's members and return the group as it was."""
        cell = self.group(group.group_id)
        self.check_group(group)
        before, cell.group = cell.group, group
        self._assign_handles(cell)
        self._release_handles(before)
        self._fill(cell)
        return before

    def delete_group(self, group_id: int) -> GroupCell:
        """Remove a group and return its cell; raises EntryNotFound, InUse."""
        cell = self.group(group_id)
        if cell.users:
            raise InUse(self.name, "group", group_id, "a table entry")
        del self.groups[group_id]
        self.group_handles.remove(cell.handle)
        self._release_handles(cell.group)
        return cell

    def restore_group(self, cell: GroupCell, handles: Copies) -> None:
        """Put a group back that was deleted or changed, and the handles of its members' copies."""
        if cell.group.group_id not in self.groups:
            self.groups[cell.group.group_id] = cell
            self.group_handles.put(cell.handle, cell)
        self.set_handles(handles)
        self._fill(cell)

    def _assign_handles(self, cell: GroupCell) -> None:
        """Assign the handles that a new or changed group needs (PI's action_prof_mgr.cpp)."""
        for item in sorted(cell.group.members, key=lambda m: m.member_id):
            member = self.members[item.member_id]
            for _ in range(item.weight - len(member.handles)):
                member.handles.append(self.member_handles.add(member))
        self._fill(cell)

    def _release_handles(self, before: Group) -> None:
        """Release the handles of copies that no group needs any more, of a former group's members.

        The members of other groups keep theirs.
        """
        copied = (m.member_id for m in before.members if len(self.members[m.member_id].handles) > 1)
        needed = dict.fromkeys(copied, 1)
        if not needed:
            return
        for group in self.groups.values():
            for item in group.group.members:
                if item.member_id in needed:
                    needed[item.member_id] = max(needed[item.member_id], item.weight)
        for member_id, count in needed.items():
            handles = self.members[member_id].handles
            for handle in handles[count:]:
                self.member_handles.remove(handle)
            del handles[count:]

    def copies(self, *groups: Group) -> Copies:
        """The handles of the members of some groups, for `restore_group`."""
        ids = {item.member_id for group in groups for item in group.members}
        return {number: tuple(self.members[number].handles) for number in ids & set(self.members)}

    def set_handles(self, copies: Copies) -> None:
        """Give members the handles that they had."""
        for member_id, handles in copies.items():
            member = self.members[member_id]
            for handle in set(member.handles) - set(handles):
                self.member_handles.remove(handle)
            for handle in set(handles) - set(member.handles):
                self.member_handles.put(handle, member)
            member.handles[:] = handles

    def _fill(self, cell: GroupCell) -> None:
        alive = [m for m in cell.group.members if m.watch_port not in self.ports.down]
        pairs = ((self.members[m.member_id], m.weight) for m in alive)
        copies = {h: member for member, weight in pairs for h in member.handles[:weight]}
        cell.set_picks(tuple(copies[handle] for handle in sorted(copies)))

    def refresh(self) -> None:
        """Recompute what every group picks from, after a port went up or down."""
        for cell in self.groups.values():
            self._fill(cell)

    def make_action_set(self, actions: ActionSet) -> GroupCell:
        """Make the group of one table entry's action set; raises BadAction, BadValue, TableFull."""
        if self.spec.selector_algo is None:
            raise BadAction(self.name, "has no selector, so it can hold no action sets")
        self._check_assign_handlest(sum(max(0, item.weight) for item in actions.actions))
        for item in actions.actions:
            self.check_action(item.action)
            if item.weight < 1:
                raise BadValue(self.name, f"weight {item.weight}")
            self._check_watch_port(item.watch_port)
        made = GroupCell(Group(0, tuple(GroupMember(0) for _ in actions.actions)), self)
        made.elements = tuple(self._element(item) for item in actions.actions)
        self.fill_action_set(made)
        return made

    def _element(self, item: WeightedAction) -> SetElement:
        element, name = SetElement(item), item.action.name
        element.set_action(self._codes[name], item.action.params, self._widths[name])
        return element

    def fill_action_set(self, cell: GroupCell) -> None:
        """Recompute what an action set's group picks from."""
        cells: list[Cell] = []
        for element in cell.elements:
            if element.item.watch_port not in self.ports.down:
                cells += [element] * element.item.weight
        cell.set_picks(tuple(cells))

    def hold_action_set(self, cell: GroupCell) -> None:
        """Give an action set that a table entry uses its handles, the same as before if any."""
        self.action_sets += 1
        if cell.handle < 0:
            cell.handle = self.group_handles.add(cell)
            for element in cell.elements:
                for _ in range(element.item.weight):
                    element.handles.append(self.member_handles.add(element))
            return
        self.group_handles.put(cell.handle, cell)
        for element in cell.elements:
            for handle in element.handles:
                self.member_handles.put(handle, element)

    def free_action_set(self, cell: GroupCell) -> None:
        """Free the handles of an action set that no table entry uses any more."""
        self.action_sets -= 1
        self.group_handles.remove(cell.handle)
        for element in cell.elements:
            for handle in element.handles:
                self.member_handles.remove(handle)

    # -- by handles -----------------------------------------------------------------------------

    def member_at(self, handle: int) -> MemberCell:
        """The member that a handle stands for; raises UnknownHandle, InUse (of an action set)."""
        cell = self.member_handles.find(handle)
        if isinstance(cell, SetElement):
            raise InUse(self.name, "member", handle, "a table entry's action set")
        return cell

    def group_at(self, handle: int) -> GroupCell:
        """The group that a handle stands for; raises UnknownHandle, InUse (of an action set)."""
        cell = self.group_handles.find(handle)
        if cell.elements:
            raise InUse(self.name, "group", handle, "a table entry: it is its action set")
        return cell

    def call_of(self, cell: MemberCell | SetElement) -> ActionCall:
        """The action of a member, or of an action set's element."""
        return self.actions[cell.member_id] if isinstance(cell, MemberCell) else cell.item.action

    def handles_in(self, cell: GroupCell) -> list[int]:
        """The handles that BMv2 would have in a group, in their order."""
        if cell.elements:
            return sorted(handle for element in cell.elements for handle in element.handles)
        pairs = ((self.members[m.member_id], m.weight) for m in cell.group.members)
        return sorted(handle for member, weight in pairs for handle in member.handles[:weight])


def target_handle(cell: Cell) -> int | None:
    """The handle of the member or group that a table entry's cell points at, or None."""
    if isinstance(cell.target, MemberCell):
        return cell.target.handles[0]
    return cell.target.handle if isinstance(cell.target, GroupCell) else None


def check_params(owner: str, action: ActionCall, widths: list[int] | None) -> None:
    """Raise BadAction unless the action is known (widths not None) and its parameters fit."""
    if widths is None:
        raise BadAction(owner, f"action {action.name!r} is not allowed here")
    if len(action.params) != len(widths):
        count = f"{len(action.params)} parameters, expected {len(widths)}"
        raise BadAction(owner, f"action {action.name!r}: {count}")
    for number, (value, width) in enumerate(zip(action.params, widths, strict=True)):
        if not 0 <= value < 1 << width:
            reason = f"parameter {number} does not fit {width} bits"
            raise BadAction(owner, f"action {action.name!r}: {reason}")
