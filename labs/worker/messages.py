"""Values as JSON on one line: what goes between the checker and the worker.

Plain JSON for what JSON has; an object with one key that starts with ``$`` for the rest: bytes,
integers of more than 64 bits, and dicts that have such a key or keys that are no text.  Never
pickle: what a worker sends is data, whoever wrote it.
"""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 40
_PLAIN = 2**63


class Unsendable(TypeError):
    """A value that cannot be sent; the text says of which type it is."""


def dump(value: object) -> bytes:
    """One line of JSON, with its end of line. Raises `Unsendable`."""
    return json.dumps(encoded(value), ensure_ascii=True).encode() + b"\n"


def load(line: bytes) -> Any:
    """The value of a line. Raises ValueError when it is none that `dump` makes."""
    try:
        return decoded(json.loads(line))
    except (RecursionError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a message: {type(error).__name__}") from error


def encoded(value: object, depth: int = 0) -> Any:
    """The value as JSON's types; tuples become lists, NumPy's numbers and arrays Python's."""
    if depth > DEEPEST:
        raise Unsendable(f"a value nested more than {DEEPEST} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        number = int(value)
        return number if -_PLAIN <= number < _PLAIN else {"$int": hex(number)}
    if isinstance(value, float):
        real = float(value)
        return real if math.isfinite(real) else {"$float": repr(real)}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": bytes(value).hex()}
    if isinstance(value, list | tuple):
        return [encoded(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return _encoded_dict(value, depth + 1)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return encoded(value.tolist(), depth)
    raise Unsendable(f"an object of type {type(value).__name__}")


def _encoded_dict(value: dict[Any, Any], depth: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: encoded(item, depth) for key, item in value.items()}
    return {"$dict": [[encoded(key, depth), encoded(item, depth)] for key, item in value.items()]}


def decoded(value: Any) -> Any:
    """The opposite of `encoded`; lists as keys of a dict become tuples."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not next(iter(value)).startswith("$"):
        return {key: decoded(item) for key, item in value.items()}
    ((tag, content),) = value.items()
    if tag == "$bytes":
        return bytes.fromhex(content)
    if tag == "$int":
        return int(content, 16)
    if tag == "$float":
        return float(content)
    if tag == "$dict":
        return {_key(decoded(key)): decoded(item) for key, item in content}
    raise ValueError(f"not a message: {tag}")


def _key(value: Any) -> Any:
    return tuple(map(_key, value)) if isinstance(value, list) else value
