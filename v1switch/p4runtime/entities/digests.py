"""How digests are reported (specification 1.4, "DigestEntry")."""

from __future__ import annotations

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.errors import exists, invalid, not_found, unsupported
from v1switch.p4runtime.p4data import Unsupported
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.state.digests import DigestConfig


class Digests(Handler):
    """Configurations of digests; a digest without one is not reported."""

    member = "digest_entry"

    def insert(self, pipeline: Pipeline, message: p4rt.DigestEntry) -> None:
        """Begin to report a digest."""
        _known(pipeline, message)
        if message.digest_id in pipeline.notes.digests:
            raise exists(f"digest {message.digest_id:#010x} is already configured")
        pipeline.notes.digests[message.digest_id] = _config(message)

    def modify(self, pipeline: Pipeline, message: p4rt.DigestEntry) -> None:
        """Change how a digest is reported."""
        _configured(pipeline, message)
        pipeline.notes.digests[message.digest_id] = _config(message)

    def delete(self, pipeline: Pipeline, message: p4rt.DigestEntry) -> None:
        """Stop reporting a digest."""
        _configured(pipeline, message)
        del pipeline.notes.digests[message.digest_id]

    def read(self, pipeline: Pipeline, message: p4rt.DigestEntry, new: New) -> None:
        """Read one configuration or all."""
        if message.digest_id:
            _configured(pipeline, message)
        for digest_id, config in pipeline.notes.digests.items():
            if message.digest_id in (0, digest_id):
                found = new()
                found.digest_id = digest_id
                found.config.SetInParent()
                found.config.max_timeout_ns = config.max_timeout_ns
                found.config.max_list_size = config.max_list_size
                found.config.ack_timeout_ns = config.ack_timeout_ns


def _known(pipeline: Pipeline, message: p4rt.DigestEntry) -> None:
    digest = pipeline.schema.digests.get(message.digest_id)
    if digest is None:
        raise not_found(f"no digest has id {message.digest_id:#010x}")
    if isinstance(digest.type, Unsupported):
        raise unsupported(f"digest {digest.name!r} holds a P4 {digest.type.kind}: not supported")


def _configured(pipeline: Pipeline, message: p4rt.DigestEntry) -> None:
    _known(pipeline, message)
    if message.digest_id not in pipeline.notes.digests:
        raise not_found(f"digest {message.digest_id:#010x} is not configured")


def _config(message: p4rt.DigestEntry) -> DigestConfig:
    config = message.config
    figures = (config.max_timeout_ns, config.max_list_size, config.ack_timeout_ns)
    if min(figures) < 0:
        raise invalid(f"digest {message.digest_id:#010x}: timeouts and size must not be negative")
    return DigestConfig(*figures)
