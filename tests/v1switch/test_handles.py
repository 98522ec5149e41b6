"""Handles against a plain model of BMv2's, with changes that are undone in between."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import InertEngine
from v1switch.errors import SwitchError
from v1switch.program.loader import load_file
from v1switch.state.entries import ActionCall, Exact, MulticastGroup, Replica, TableEntry
from v1switch.state.nodes import Node
from v1switch.state.replication import Mirror

TABLE = "TableIngress.exactly"
CALL = ActionCall("TableIngress.found_exact", (1,))
PROGRAM = load_file(COMPILED / "tables.json")
INSERT, DELETE, CLEAR = "insert", "delete", "clear"
CHANGES = st.lists(
    st.tuples(st.sampled_from([INSERT, INSERT, INSERT, DELETE, DELETE, CLEAR]), st.integers(0, 7)),
    max_size=12,
)


class Undone(Exception):
    pass


class Model:
    """BMv2's handles of one table: a flag and a version for each place."""

    def __init__(self) -> None:
        self.places: list[int | None] = []
        self.versions: dict[int, int] = {}

    def copy(self) -> "Model":
        made = Model()
        made.places, made.versions = list(self.places), dict(self.versions)
        return made

    def change(self, kind: str, key: int) -> None:
        if kind == CLEAR:
            self.places, self.versions = [], {}
        elif kind == INSERT and key not in self.places:
            free = next((n for n, held in enumerate(self.places) if held is None), None)
            if free is None:
                self.places.append(key)
            else:
                self.places[free] = key
        elif kind == DELETE and key in self.places:
            place = self.places.index(key)
            self.places[place] = None
            self.versions[place] = self.versions.get(place, 0) + 1

    def handles(self) -> dict[int, int]:
        return {
            key: self.versions.get(place, 0) << 24 | place
            for place, key in enumerate(self.places)
            if key is not None
        }


def change(plane: Dataplane, kind: str, key: int) -> None:
    matches = (Exact(key), Exact(0))
    try:
        if kind == CLEAR:
            plane.clear_entries(TABLE)
        elif kind == INSERT:
            plane.insert_entry(TABLE, TableEntry(matches, CALL))
        else:
            plane.delete_entry(TABLE, matches)
    except SwitchError:
        pass


@given(st.lists(st.tuples(CHANGES, st.booleans()), max_size=5))
def test_handles_are_bmv2s_whatever_is_undone(batches) -> None:
    plane, model = Dataplane(InertEngine()), Model()
    plane.load(PROGRAM)
    for changes, undone in batches:
        before = model.copy()
        try:
            with plane.transaction():
                for kind, key in changes:
                    change(plane, kind, key)
                    model.change(kind, key)
                if undone:
                    raise Undone
        except Undone:
            model = before
        found = {held.entry.key[0].value: held.handle for held in plane.held_entries(TABLE)}
        assert found == model.handles()


NODES = st.lists(
    st.one_of(
        st.tuples(st.just("create_node"), st.builds(Node, st.integers(0, 3), st.just((1, 2)))),
        st.tuples(st.just("destroy_node"), st.integers(0, 4)),
        st.tuples(st.just("associate_node"), st.integers(1, 2), st.integers(0, 4)),
        st.tuples(st.just("dissociate_node"), st.integers(1, 2), st.integers(0, 4)),
        st.tuples(st.just("update_node"), st.integers(0, 4), st.just((3,)), st.just((7,))),
        st.tuples(st.just("set_lag"), st.just(7), st.sampled_from([(), (5,), (5, 6)])),
        st.tuples(st.just("mirror"), st.just(9), st.just(Mirror(4, 1))),
        st.tuples(st.just("disband_multicast_group"), st.integers(1, 2)),
    ),
    max_size=15,
)


def run(plane: Dataplane, calls) -> None:
    for number in (1, 2):
        if all(group.group_id != number for group in plane.multicast_groups()):
            plane.insert_multicast_group(MulticastGroup(number))
    for name, *arguments in calls:
        with contextlib.suppress(SwitchError):
            getattr(plane, name)(*arguments)


def replication(plane: Dataplane) -> tuple[object, ...]:
    nodes = plane.nodes()
    groups = {group.group_id: group.replicas for group in plane.multicast_groups()}
    sessions = {each.session_id: each.replicas for each in plane.clone_sessions()}
    inside = {number: nodes.handles_in(number) for number in groups}
    return groups, sessions, inside, nodes.held.items(), nodes.held.next


@given(NODES, NODES)
def test_groups_have_the_copies_of_their_nodes(first, second) -> None:
    plane = Dataplane(InertEngine())
    run(plane, first)
    before = replication(plane)
    try:
        with plane.transaction():
            run(plane, second)
            raise Undone
    except Undone:
        pass
    assert replication(plane) == before
    run(plane, second)
    nodes = plane.nodes()
    groups = {group.group_id: group.replicas for group in plane.multicast_groups()}
    for number, replicas in groups.items():
        assert replicas == nodes.replicas(number)
    for session in plane.clone_sessions():
        assert session.replicas == (Replica(4), *groups.get(1, ()))
