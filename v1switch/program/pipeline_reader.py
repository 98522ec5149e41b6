"""Reading pipelines: action profiles, tables, conditionals and direct action calls."""

from __future__ import annotations

from v1switch.program import expressions as ex
from v1switch.program.expression_reader import ExpressionReader
from v1switch.program.hashes import WIDTHS
from v1switch.program.header_reader import unique
from v1switch.program.json_cursor import Node
from v1switch.program.model import (
    Action,
    ActionCallNode,
    ActionProfile,
    Conditional,
    ConstEntry,
    ConstMatch,
    DefaultEntry,
    KeyField,
    Pipeline,
    Table,
)
from v1switch.program.symbols import Symbols

ALGORITHMS = frozenset(WIDTHS)
MATCH_KINDS = ("exact", "lpm", "ternary", "range", "optional", "valid")
TABLE_KINDS = ("exact", "lpm", "ternary", "range")
IMPLEMENTATIONS = ("simple", "indirect", "indirect_ws")


def algorithm(node: Node) -> str:
    """The name of a hash algorithm."""
    if node.text() not in ALGORITHMS:
        raise node.fail("one of " + ", ".join(sorted(ALGORITHMS)))
    return node.text()


def choice(node: Node, options: tuple[str, ...]) -> str:
    """A string that has to be one of `options`."""
    if node.text() not in options:
        raise node.fail("one of " + ", ".join(options))
    return node.text()


def field_of(node: Node, symbols: Symbols) -> ex.FieldRef:
    """The field in a type-value object that has to be a field."""
    if node.get("type").text() != "field":
        raise node.get("type").fail("'field'")
    return symbols.number(node.get("value"))


def _profile(node: Node, name: Node, symbols: Symbols) -> ActionProfile:
    """The action profile that `node` describes, which is one or, in older JSON, a table."""
    selector, size = node.find("selector"), node.find("max_size")
    return ActionProfile(
        name.name(),
        size.integer() if size else 0,
        algorithm(selector.get("algo")) if selector else None,
        tuple(field_of(item, symbols) for item in selector.items("input")) if selector else (),
    )


class PipelineReader:
    """Reads one pipeline against the program's symbols, actions and profiles."""

    def __init__(
        self, symbols: Symbols, actions: dict[int, Action], profiles: dict[str, ActionProfile]
    ) -> None:
        """Read with these symbols and actions; adds to `profiles`."""
        self.symbols = symbols
        self.actions = actions
        self.profiles = profiles
        self._tables: set[object] = set()
        self._signatures: dict[tuple[str, str], list[int]] = {}  # by profile and action

    def read(self, node: Node) -> Pipeline:
        """Read the pipeline and check that its nodes refer only to each other."""
        for item in node.items("action_profiles"):
            unique(item.get("name"), set(self.profiles), "name of an action profile")
            profile = _profile(item, item.get("name"), self.symbols)
            self.profiles[profile.name] = profile
        for item in node.items("tables"):
            inner = item.find("act_prof_name")
            if inner is not None and item.find("action_profile") is None:
                unique(inner, set(self.profiles), "name of an action profile")
                self.profiles[inner.text()] = _profile(item, inner, self.symbols)
                self.symbols.remark("action profiles inside of tables")
        nodes: set[object] = set()
        for key in ("tables", "conditionals", "action_calls"):
            for item in node.items(key):
                unique(item.get("name"), nodes, "name in its pipeline")
        for item in node.items("tables"):
            unique(item.get("name"), self._tables, "name of a table")
        conditionals = {c.name: c for c in map(self._conditional, node.items("conditionals"))}
        calls = {c.name: c for c in map(self._call, node.items("action_calls"))}
        names = {item.get("name").text() for item in node.items("tables")}
        self._check_next(node, names | conditionals.keys() | calls.keys())
        tables = {t.name: t for t in map(self._table, node.items("tables"))}
        init = node.find("init_table")
        return Pipeline(
            node.get("name").text(), init.text() if init else None, tables, conditionals, calls
        )

    @staticmethod
    def _check_next(node: Node, names: set[str]) -> None:
        ends = [node.find("init_table")]
        for item in node.items("tables"):
            following = item.get("next_tables")
            ends += [following.find(key) for key in following.member_names()]
            ends.append(item.find("base_default_next"))
        for item in node.items("conditionals"):
            ends += [item.find("true_next"), item.find("false_next")]
        ends += [item.find("next_node") for item in node.items("action_calls")]
        for end in ends:
            if end is not None and end.text() not in names:
                raise end.fail("the name of a table, conditional or action call")

    def _conditional(self, node: Node) -> Conditional:
        on_true, on_false = node.find("true_next"), node.find("false_next")
        return Conditional(
            node.get("name").name(),
            ExpressionReader(self.symbols).value(node.get("expression")),
            on_true.text() if on_true else None,
            on_false.text() if on_false else None,
            node.source(),
        )

    def action(self, node: Node) -> Action:
        """The action whose id is in `node`."""
        found = self.actions.get(node.integer())
        if found is None:
            raise node.fail("the id of an action")
        return found

    def _call(self, node: Node) -> ActionCallNode:
        action = self.action(node.get("action_id"))
        if action.params:
            raise node.get("action_id").fail("an action without parameters", action.name)
        following = node.find("next_node")
        return ActionCallNode(
            node.get("name").name(), action.id, following.text() if following else None
        )

    def _key(self, node: Node) -> KeyField:
        kind, target = choice(node.get("match_type"), MATCH_KINDS), node.get("target")
        name, mask = node.find("name"), node.find("mask")
        mask_value = mask.hexstr() if mask else None
        if kind == "valid":
            header = self.symbols.header(target).name
            return KeyField(name.name() if name else header, kind, ex.HeaderRef(header), None, 1)
        if self.symbols.is_empty(target):
            whole = ".".join(item.text() for item in target.items())
            return KeyField(name.name() if name else whole, kind, ex.Const(0), None, 0)
        ref = self.symbols.number(target)
        shown = name.name() if name else f"{ref.header}.{ref.field}"
        return KeyField(shown, kind, ref, mask_value, self.symbols.width(ref))

    def _table_actions(self, node: Node) -> tuple[Action, ...]:
        if node.find("action_ids") is not None:
            return tuple(self.action(item) for item in node.items("action_ids"))
        by_name = {a.name: a for a in reversed(self.actions.values())}
        found = []
        for item in node.items("actions"):
            if item.text() not in by_name:
                raise item.fail("the name of an action")
            found.append(by_name[item.text()])
        return tuple(found)

    def _table(self, node: Node) -> Table:
        key = tuple(self._key(item) for item in node.items("key"))
        actions = self._table_actions(node)
        profile = node.find("action_profile") or node.find("act_prof_name")
        if profile is not None and profile.text() not in self.profiles:
            raise profile.fail("the name of an action profile")
        self._check_signatures(node, actions, profile.text() if profile else None)
        implementation = choice(node.get("type"), IMPLEMENTATIONS)
        if (profile is None) != (implementation == "simple"):
            raise node.get("type").fail("an action profile with indirect tables, and only there")
        meter = node.find("direct_meters")
        if meter is not None:
            array = self.symbols.meters.get(meter.text())
            if array is None or array.target is None:
                raise meter.fail("the name of a direct meter array")
        consts = self._entries(node, key, actions, profile is not None)
        base = node.find("base_default_next")
        size = node.get("max_size").integer() if consts is None else len(consts)
        hit_miss, by_action = self._next(node, actions)
        return Table(
            name=node.get("name").name(),
            match_type=self._match_type(node.get("match_type"), key),
            implementation=implementation,
            key=key,
            actions=tuple(a.id for a in actions),
            next_by_action=by_action,
            hit_miss=hit_miss,
            base_default_next=base.text() if base else None,
            size=size,
            with_counters=node.flag("with_counters"),
            support_timeout=node.flag("support_timeout"),
            action_profile=profile.text() if profile else None,
            direct_meter=meter.text() if meter else None,
            default_entry=self._default(node, actions),
            const_entries=consts,
            source=node.source(),
        )

    def _check_signatures(
        self, node: Node, actions: tuple[Action, ...], profile: str | None
    ) -> None:
        """Raise ProgramError if entries could not tell two actions of one name apart."""
        known = {} if profile is None else self._signatures
        for action in actions:
            widths = [p.width for p in action.params]
            if known.setdefault((profile or "", action.name), widths) != widths:
                owner = "a table" if profile is None else "an action profile"
                raise node.get("actions" if node.find("action_ids") is None else "action_ids").fail(
                    f"one action of each name in {owner}", f"{action.name!r} with two signatures"
                )

    @staticmethod
    def _next(
        node: Node, actions: tuple[Action, ...]
    ) -> tuple[tuple[str | None, str | None] | None, dict[int, str | None]]:
        following = node.get("next_tables")

        def target(key: str) -> str | None:
            following.get(key)
            end = following.find(key)
            return end.text() if end else None

        if {"__HIT__", "__MISS__"} & set(following.member_names()):
            return (target("__HIT__"), target("__MISS__")), {}
        return None, {a.id: target(a.name) for a in actions}

    @staticmethod
    def _match_type(node: Node, key: tuple[KeyField, ...]) -> str:
        """The match type of the whole key, by the kinds of its fields (match_units.h)."""
        kinds = [field.match_kind for field in key]
        wanted = "exact"
        if "range" in kinds:
            wanted = "range"
        elif "ternary" in kinds or "optional" in kinds or kinds.count("lpm") > 1:
            wanted = "ternary"
        elif "lpm" in kinds:
            wanted = "lpm"
        if choice(node, TABLE_KINDS) != wanted:
            raise node.fail(f"{wanted!r}, as the key has it")
        return wanted

    def _params(self, node: Node, action: Action) -> tuple[int, ...]:
        items = list(node.items())
        if len(items) != len(action.params):
            raise node.fail(f"{len(action.params)} arguments of {action.name!r}", str(len(items)))
        return tuple(i.number(p.width) for i, p in zip(items, action.params, strict=True))

    def _default(self, node: Node, actions: tuple[Action, ...]) -> DefaultEntry | None:
        entry = node.find("default_entry")
        if entry is None:
            return None
        action = self.action(entry.get("action_id"))
        if action.id not in {a.id for a in actions}:
            raise entry.get("action_id").fail("the id of one of the table's actions")
        params = self._params(entry.get("action_data"), action)
        return DefaultEntry(
            action.id, params, entry.flag("action_const"), entry.flag("action_entry_const")
        )

    def _entries(
        self, node: Node, key: tuple[KeyField, ...], actions: tuple[Action, ...], indirect: bool
    ) -> tuple[ConstEntry, ...] | None:
        """The initial entries, or None without any."""
        entries = node.find("entries")
        if entries is None:
            return None
        if indirect:
            raise entries.fail("no entries in a table with an action profile")
        ranked = node.get("match_type").text() in ("ternary", "range")
        found: list[ConstEntry] = []
        seen: set[object] = set()
        for item in entries.items():
            entry = self._entry(item, key, actions)
            place = (entry.key, entry.priority if ranked else 0)
            if place in seen:
                raise item.get("match_key").fail("a key that no entry before it has")
            seen.add(place)
            found.append(entry)
        return tuple(found)

    def _entry(
        self, node: Node, key: tuple[KeyField, ...], actions: tuple[Action, ...]
    ) -> ConstEntry:
        items = list(node.get("match_key").items())
        if len(items) != len(key):
            raise node.get("match_key").fail(f"{len(key)} match fields", str(len(items)))
        action_node = node.get("action_entry")
        action = self.action(action_node.get("action_id"))
        if action.id not in {a.id for a in actions}:
            raise action_node.get("action_id").fail("the id of one of the table's actions")
        priority = node.find("priority")
        return ConstEntry(
            tuple(self._const_match(item, field) for item, field in zip(items, key, strict=True)),
            action.id,
            self._params(action_node.get("action_data"), action),
            priority.integer() if priority else 0,
            node.source(),
        )

    @staticmethod
    def _const_match(node: Node, field: KeyField) -> ConstMatch:
        kind, width = node.get("match_type").text(), field.width
        if kind != field.match_kind:
            raise node.get("match_type").fail(repr(field.match_kind))
        if kind == "range":
            low, high = node.get("start").number(width), node.get("end").number(width)
            if low > high:
                raise node.get("end").fail(f"at least the start, {low:#x}")
            return ConstMatch(kind, low, high)
        if kind == "valid":
            return ConstMatch(kind, int(node.get("key").boolean()))
        value = node.get("key").number(width)
        if kind == "exact":
            return ConstMatch(kind, value)
        if kind == "lpm":
            length = node.get("prefix_length").integer(0, width)
            ones = (1 << width) - 1
            return ConstMatch(kind, value & (ones ^ (ones >> length)), length)
        mask = node.get("mask").number(width)
        return ConstMatch(kind, value & mask, mask)
