"""JSON schemas of what users write and read: topologies, sweeps, results; and pages of them.

A topology's and a sweep's YAML is friendlier than the model that it becomes: entries have their
names as keys, derived values may be left out, one value may stand for a list.  What differs is
said here; everything else is pydantic's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from falcon_ctl.report.schema import MODELS as RESULTS
from falcon_ctl.sweeps.spec import AXES, MOST_SEEDS, Spec
from topo.spec.model import Topology
from topo.spec.yaml_file import DERIVED, MODELS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def topology() -> Schema:
    """The schema of a topology's YAML file."""
    found = Topology.model_json_schema()
    definitions, properties = found.pop("$defs"), found["properties"]
    for section, model in MODELS.items():
        entry = definitions[model.__name__]
        entry["properties"].pop("name")
        derived = DERIVED.get(section, ())
        entry["required"] = [key for key in entry["required"] if key not in ("name", *derived)]
        entry = {**entry, "type": ["object", "null"]} if not entry["required"] else entry
        properties[section] = {
            "type": "object",
            "description": f"By name. {_first_line(model)}",
            "propertyNames": Topology.model_json_schema()["properties"]["name"],
            "additionalProperties": entry,
        }
    end = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9-]*(:[0-9]+)?$"}
    properties["links"] = {
        "type": "array",
        "description": "Links: two ends each, a machine or SWITCH:PORT; without a port it is the "
        "lowest free one.",
        "items": {"type": "array", "items": end, "minItems": 2, "maxItems": 2},
    }
    found["required"] = [key for key in found["required"] if key not in ("name", *properties)]
    return {"$schema": DIALECT, **found, "title": "A topology of falcon-testbed"}


def sweep() -> Schema:
    """The schema of a sweep's YAML file."""
    found = Spec.model_json_schema()
    for axis, schema in found["properties"].items():
        found["properties"][axis] = {**_scalars(schema), "description": AXES[axis]}
    # To PyYAML, 900e3 is a text; the sweep takes it for the number that it is.
    found["properties"]["rate"]["anyOf"].insert(0, _TEXT)
    found["properties"]["rate"]["anyOf"][-1]["items"] = {"anyOf": [_NUMBER, _TEXT]}
    seeds = found["properties"]["seeds"]
    count = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
    seeds["anyOf"] = [count, *(one for one in seeds["anyOf"] if one.get("type") == "array")]
    return {"$schema": DIALECT, **found, "title": "A sweep of falcon-testbed"}


_NUMBER = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e8}
_TEXT = {"type": "string", "pattern": r"^[0-9.]+e[0-9]+$"}


def _scalars(schema: Schema) -> Schema:
    """Let one value stand for a list of one, wherever the schema has a list."""
    if "anyOf" in schema:
        ones = [one for option in schema["anyOf"] for one in _options(option)]
        return {**{key: schema[key] for key in schema if key != "anyOf"}, "anyOf": ones}
    if schema.get("type") == "array":
        kept = {key: schema[key] for key in ("title", "default") if key in schema}
        return {**kept, "anyOf": _options({k: v for k, v in schema.items() if k not in kept})}
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return {**schema, "additionalProperties": _scalars(schema["additionalProperties"])}
    return schema


def _options(schema: Schema) -> list[Schema]:
    return [schema["items"], schema] if schema.get("type") == "array" else [schema]


def results() -> dict[str, Schema]:
    """The schemas of JSON results, by the name of the page's section."""
    return {
        name: {"$schema": DIALECT, **model.model_json_schema(mode="serialization")}
        for name, model in RESULTS.items()
    }


def _first_line(model: type) -> str:
    return (model.__doc__ or "").splitlines()[0]


def table(schema: Schema, root: Schema | None = None) -> Iterator[str]:
    """Lines of Markdown: one row for each key, nested ones with a dotted path."""
    yield from ("| key | type | meaning |", "|---|---|---|")
    yield from _rows(schema, root or schema, "", 0)
    yield ""


def _rows(schema: Schema, root: Schema, prefix: str, depth: int) -> Iterator[str]:
    for key, found in schema.get("properties", {}).items():
        one = resolved(found, root)
        path = f"{prefix}{key}"
        must = " (required)" if key in schema.get("required", ()) and depth < 9 else ""
        text = " ".join(str(found.get("description") or one.get("description") or "").split())
        default = (
            f" Default: `{found['default']}`." if found.get("default") not in (None, ()) else ""
        )
        cells = (f"`{path}`", _type(one, root) + must, text + default)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        inner, step = _inner(one, root)
        if inner is not None and depth < 4:
            yield from _rows(inner, root, f"{path}{step}", depth + 1)


def _inner(schema: Schema, root: Schema) -> tuple[Schema | None, str]:
    """What lies one level deeper, and how a path goes on there."""
    if "properties" in schema:
        return schema, "."
    items = resolved(schema.get("items") or {}, root)
    if isinstance(items, Mapping) and "properties" in items:
        return items, "[]."
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        more = resolved(more, root)
        if "properties" in more:
            return more, ".NAME."
    return None, ""


def resolved(schema: Schema, root: Schema) -> Schema:
    """A schema with its reference followed."""
    reference = schema.get("$ref")
    if not reference:
        return schema
    found: Schema = root["$defs"][reference.rpartition("/")[2]]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _type(schema: Schema, root: Schema) -> str:
    if "anyOf" in schema:
        found = [_type(resolved(one, root), root) for one in schema["anyOf"]]
        return " or ".join(dict.fromkeys(found))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    name = " or ".join(_NAMES.get(one, one) for one in kinds)
    if kind == "array":
        items = resolved(schema.get("items") or {}, root)
        return f"list of {_type(items, root)}" if items else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of {_type(resolved(schema['additionalProperties'], root), root)}"
    return name + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    below, above = schema.get("exclusiveMaximum"), schema.get("exclusiveMinimum")
    marks = {" ≥ ": low, " > ": above, " ≤ ": high, " < ": below}
    told = ",".join(f"{sign}{value}" for sign, value in marks.items() if value is not None)
    pattern = schema.get("pattern") or schema.get("format")
    return told + (f" `{pattern}`" if pattern else "")


_NAMES = {"object": "mapping", "null": "nothing", "string": "text"}
