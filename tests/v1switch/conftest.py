"""Fixtures of the P4Runtime tests."""

from tests.v1switch.p4runtime_both import session, switch, zoo  # noqa: F401  # fixtures
from tests.v1switch.p4runtime_own import address, client, connect, plane  # noqa: F401  # same
