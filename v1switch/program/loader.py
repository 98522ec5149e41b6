"""BMv2 JSON (v1model) to a `Program`, or to one `ProgramError` that says where and what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from v1switch.errors import ProgramError
from v1switch.program import expressions as ex
from v1switch.program.checksum_reader import read_checksums
from v1switch.program.header_reader import read_headers, unique
from v1switch.program.json_cursor import Node
from v1switch.program.limits import MAX_CELLS, MAX_FILE
from v1switch.program.model import (
    Action,
    ActionProfile,
    Calculation,
    CalculationInput,
    CounterArray,
    FieldList,
    LearnList,
    MeterArray,
    Param,
    Pipeline,
    Program,
    RegisterArray,
)
from v1switch.program.parser_reader import read_deparser, read_parser, read_value_sets
from v1switch.program.pipeline_reader import PipelineReader, algorithm, choice, field_of
from v1switch.program.primitives import read_primitive
from v1switch.program.symbols import STANDARD_METADATA, Symbols
from v1switch.reading import read_bytes

MAJOR_VERSION = 2  # docs/JSON_format.md: readers refuse another major number
# simple_switch's add_required_field; other targets' programs lack some of them
REQUIRED = ("ingress_port", "packet_length", "instance_type", "egress_spec", "egress_port")
OTHERS = {  # architectures by what their parsers, or pipelines, are called
    frozenset(("ingress_parser", "egress_parser")): "PSA",
    **dict.fromkeys((frozenset(("main_parser",)), frozenset(("main_control",))), "PNA"),
}
INTRINSIC = {  # widths of the fields that the switch writes, as v1model.p4 declares them
    **dict.fromkeys(("ingress_port", "egress_spec", "egress_port"), 9),
    **dict.fromkeys(("instance_type", "packet_length", "parser_error", "enq_timestamp"), 32),
    **dict.fromkeys(("enq_qdepth", "deq_qdepth"), 19),
    **dict.fromkeys(("ingress_global_timestamp", "egress_global_timestamp"), 48),
    **dict.fromkeys(("mcast_grp", "egress_rid"), 16),
    "deq_timedelta": 32,
    "checksum_error": 1,
    "priority": 3,
}


def load_file(path: Path) -> Program:
    """Read a program from a file; raises OSError as `open` does, ProgramError."""
    return load_program(read_bytes(path, MAX_FILE))


def load_program(text: bytes | str) -> Program:
    """Read and validate a program.

    Args:
        text: BMv2 JSON, as p4c writes it for `--target bmv2 --arch v1model`.

    Raises:
        ProgramError: broken JSON, another architecture, unknown primitives, dangling references.
    """
    root = Node.parse(text)
    try:
        whole = text if isinstance(text, str) else text.decode()
        return replace(_load(root), text=whole)
    except RecursionError:
        raise ProgramError("$", "expressions with less nesting", "too many levels") from None
    finally:
        root.release()


def _load(root: Node) -> Program:
    pipelines = _named(root, "pipelines", ("ingress", "egress"))
    parser_node = _named(root, "parsers", ("parser",))["parser"]
    deparser_node = _named(root, "deparsers", ("deparser",))["deparser"]
    symbols = _symbols(root)
    _check_version(root, symbols)
    learn_lists, field_lists = _learn_lists(root, symbols), _field_lists(root, symbols)
    symbols.learn_lists, symbols.field_lists = set(learn_lists), set(field_lists)
    calculations = _calculations(root, symbols)
    symbols.calculations = set(calculations)
    value_sets = read_value_sets(root)
    actions = _actions(root, symbols)
    profiles: dict[str, ActionProfile] = {}
    reader = PipelineReader(symbols, actions, profiles)
    ingress, egress = reader.read(pipelines["ingress"]), reader.read(pipelines["egress"])
    _check_bindings(root, ingress, egress)
    checksums = read_checksums(root, symbols, calculations)
    name, meta = root.find("program"), root.find("__meta__")
    compiler = meta.find("compiler") if meta else None
    return Program(
        name=name.name() if name else "",
        compiler=compiler.name() if compiler else "",
        headers=symbols.headers,
        stacks=symbols.stacks,
        unions=symbols.unions,
        union_stacks=symbols.union_stacks,
        errors={e.at(0).text(): e.at(1).integer() for e in root.items("errors")},
        parser=read_parser(parser_node, symbols, value_sets),
        value_sets=value_sets,
        deparser=read_deparser(deparser_node, symbols),
        calculations=calculations,
        checksums=checksums,
        actions=actions,
        action_profiles=profiles,
        ingress=ingress,
        egress=egress,
        counters=symbols.counters,
        meters=symbols.meters,
        registers=symbols.registers,
        learn_lists=learn_lists,
        field_lists=field_lists,
        aliases=symbols.aliases,
        remarks=tuple(symbols.remarks),
    )


def _symbols(root: Node) -> Symbols:
    """The headers, aliases and arrays that the rest of the program refers to."""
    symbols = Symbols()
    read_headers(root, symbols)
    _check_standard_metadata(root, symbols)
    for alias in root.items("field_aliases"):
        symbols.aliases[alias.at(0).name()] = symbols.field(alias.at(1))
    _read_arrays(root, symbols)
    return symbols


def _check_version(root: Node, symbols: Symbols) -> None:
    meta = root.find("__meta__")
    version = meta.find("version") if meta else None
    if version is None:
        symbols.remark(f"no version (__meta__), taken for {MAJOR_VERSION}.x")
    elif version.at(0).integer() != MAJOR_VERSION:
        raise version.fail(f"BMv2 JSON version {MAJOR_VERSION}.x")


def _named(root: Node, key: str, expected: tuple[str, ...]) -> dict[str, Node]:
    nodes = {item.get("name").text(): item for item in root.get(key).items()}
    if set(nodes) != set(expected):
        wanted = " and ".join(repr(e) for e in expected)
        found = ", ".join(repr(n) for n in nodes) or "none"
        other = OTHERS.get(frozenset(nodes))
        found += f" (architecture {other})" if other else ""
        raise root.get(key).fail(f"{wanted} (architecture v1model)", found)
    return nodes


def _check_standard_metadata(root: Node, symbols: Symbols) -> None:
    header = symbols.headers.get(STANDARD_METADATA)
    if header is None:
        raise root.get("headers").fail(f"a header {STANDARD_METADATA!r} (v1model)", "none")
    for name in REQUIRED:
        if header.header_type.field(name) is None:
            wanted = f"a field {STANDARD_METADATA}.{name} (v1model)"
            raise root.get("header_types").fail(wanted, "none")
    if not header.metadata:
        raise root.get("headers").fail(f"{STANDARD_METADATA!r} to be metadata", "a header")
    for name, width in INTRINSIC.items():
        field = header.header_type.field(name)
        if field is not None and ((field.width or 0) < width or field.signed):
            wanted = f"{STANDARD_METADATA}.{name} to be bit<{width}> (v1model)"
            raise root.get("header_types").fail(wanted, f"{field.width} bits")


def _cells(node: Node, taken: int) -> int:
    """The size of an array; with `taken` cells of others it must not exceed the limit."""
    size = node.integer()
    if taken + size > MAX_CELLS:
        raise node.fail(f"at most {MAX_CELLS} cells in all arrays", f"{taken} and {size} more")
    return size


def _read_arrays(root: Node, symbols: Symbols) -> None:
    taken = 0
    for node in root.items("counter_arrays"):
        binding = node.find("binding") if node.flag("is_direct") else None
        unique(node.get("name"), set(symbols.counters), "name of a counter")
        name, size = node.get("name").name(), node.find("size")
        count = _cells(size, taken) if size else 0
        taken += count
        symbols.counters[name] = CounterArray(name, count, binding.text() if binding else None)
    for node in root.items("meter_arrays"):
        direct, size = node.flag("is_direct"), node.find("size")
        unit = choice(node.get("type"), ("packets", "bytes"))
        unique(node.get("name"), set(symbols.meters), "name of a meter")
        name = node.get("name").name()
        symbols.meters[name] = MeterArray(
            name,
            size.integer() if size else 0,
            unit,
            node.get("binding").text() if direct else None,
            _result(node.get("result_target"), symbols) if direct else None,
        )
    for node in root.items("register_arrays"):
        unique(node.get("name"), set(symbols.registers), "name of a register")
        name = node.get("name").name()
        cells, width = _cells(node.get("size"), taken), node.get("bitwidth").width()
        taken += cells
        symbols.registers[name] = RegisterArray(name, cells, width)


def _result(node: Node, symbols: Symbols) -> ex.FieldRef:
    """The field that a direct meter or a checksum writes its result to."""
    symbols.number(node)
    return symbols.writable(node)


def _check_bindings(root: Node, *pipelines: Pipeline) -> None:
    names = {name for pipeline in pipelines for name in pipeline.tables}
    for key in ("counter_arrays", "meter_arrays"):
        for node in root.items(key):
            binding = node.find("binding") if node.flag("is_direct") else None
            if binding is not None and binding.text() not in names:
                raise binding.fail("the name of a table")


def _learn_lists(root: Node, symbols: Symbols) -> dict[int, LearnList]:
    lists: dict[int, LearnList] = {}
    seen: set[object] = set()
    for node in root.items("learn_lists"):
        unique(node.get("id"), set(lists), "learn list id")
        unique(node.get("name"), seen, "name of a learn list")
        fields = tuple(
            ex.Const(0) if _is_empty(item, symbols) else field_of(item, symbols)
            for item in node.items("elements")
        )
        number = node.get("id").integer()
        widths = tuple(0 if isinstance(f, ex.Const) else symbols.width(f) for f in fields)
        lists[number] = LearnList(number, node.get("name").name(), fields, widths)
    return lists


def _field_lists(root: Node, symbols: Symbols) -> dict[int, FieldList]:
    lists: dict[int, FieldList] = {}
    for node in root.items("field_lists"):
        unique(node.get("id"), set(lists), "field list id")
        number, name = node.get("id").integer(), node.find("name")
        fields = []
        for item in node.items("elements"):
            if item.get("type").text() == "hexstr":
                item.get("value").hexstr()
                symbols.remark("constants in field lists, which keep nothing")
            elif not _is_empty(item, symbols):
                field_of(item, symbols)
                fields.append(symbols.writable(item.get("value")))
        lists[number] = FieldList(number, name.name() if name else "", tuple(fields))
    return lists


def _is_empty(node: Node, symbols: Symbols) -> bool:
    """Whether an element of a list is a field of no bits."""
    return node.get("type").text() == "field" and symbols.is_empty(node.get("value"))


def _calculation_input(node: Node, symbols: Symbols) -> CalculationInput:
    kind = choice(node.get("type"), ("field", "hexstr", "header", "payload"))
    if kind == "field":
        ref = symbols.field(node.get("value"))
        return CalculationInput(kind, ref, symbols.width(ref))
    if kind == "hexstr":
        width = node.get("bitwidth").width()
        return CalculationInput(kind, node.get("value").hexstr() & ((1 << width) - 1), width)
    if kind == "header":
        header = symbols.header(node.get("value"))
        if header.metadata:
            raise node.get("value").fail("a header of a packet", "metadata")
        return CalculationInput(kind, ex.HeaderRef(header.name))
    return CalculationInput(kind, None)


def _calculations(root: Node, symbols: Symbols) -> dict[str, Calculation]:
    found: dict[str, Calculation] = {}
    for node in root.items("calculations"):
        unique(node.get("name"), set(found), "name of a calculation")
        name = node.get("name").name()
        inputs = tuple(
            _calculation_input(item, symbols)
            for item in node.items("input")
            if not _is_empty(item, symbols)
        )
        found[name] = Calculation(name, algorithm(node.get("algo")), inputs)
    return found


def _actions(root: Node, symbols: Symbols) -> dict[int, Action]:
    actions: dict[int, Action] = {}
    seen: set[object] = set()
    for node in root.items("actions"):
        unique(node.get("id"), seen, "action id")
        params = tuple(
            Param(item.get("name").name(), item.get("bitwidth").width_or_zero())
            for item in node.items("runtime_data")
        )
        if any(param.width == 0 for param in params):
            symbols.remark("parameters of no bits (bit<0>), which are 0")
        calls = tuple(
            read_primitive(item, symbols, len(params)) for item in node.items("primitives")
        )
        number = node.get("id").integer()
        actions[number] = Action(number, node.get("name").name(), params, calls)
    return actions
