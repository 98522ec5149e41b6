"""Who may write: the state machine of client arbitration.

P4Runtime specification 1.4, "Client Arbitration and Controller Replication". One `Arbitration`
serves one device. It holds no stream and no lock: the device passes in what clients send, sends
the returned notices in their order, and serialises the calls.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from v1switch.p4runtime.errors import Code, Refused, invalid, not_found

MAX_STREAMS = 16  # per role, as BMv2's server has it
MAX_ROLES = 1024  # ever used: the highest election id of each is kept
MAX_ELECTION_ID = (1 << 128) - 1

Client = Hashable


@dataclass(frozen=True)
class Bid:
    """A client's MasterArbitrationUpdate.

    `election_id` is the 128-bit number, or None when unset: such a client never becomes primary.
    `role` is the role's name, "" for the default role.
    `address` says where it came from, `at_s` when (seconds since 1970), for messages to others.
    """

    device_id: int
    election_id: int | None
    role: str = ""
    address: str = "an unknown client"
    at_s: float = 0.0


@dataclass(frozen=True)
class Notice:
    """A MasterArbitrationUpdate for one client."""

    client: Client
    role: str
    election_id: int | None  # the highest ever seen for the role
    code: Code
    message: str


@dataclass
class _Role:
    """One (device, role): its live clients, its primary and the highest election id ever seen."""

    clients: dict[Client, Bid] = field(default_factory=dict)
    primary: Client | None = None
    best: Bid | None = None  # the latest of those with the highest election id

    @property
    def highest(self) -> int | None:
        return None if self.best is None else self.best.election_id

    @property
    def holder(self) -> str:
        """Who keeps others from being primary, and how to take over."""
        if self.best is None:
            return "there is no primary: no client has had an election id"
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.best.at_s))
        who, number = self.best.address, _text(self.highest)
        if self.primary is None:
            seen = f"election id {number} of {who} at {when} was the highest"
            return f"there is no primary: {seen}, and {number} or more becomes primary"
        if self.highest == MAX_ELECTION_ID:
            how = "none is higher: end that client and use the same id, or restart the switch"
        else:
            how = "a higher election id takes over"
        return f"{who} is primary with election id {number} since {when}, and {how}"


class Arbitration:
    """The primaries of one device, one for each role."""

    def __init__(self, device_id: int, max_streams: int = MAX_STREAMS) -> None:
        self.device_id = device_id
        self._max_streams = max_streams
        self._roles: dict[str, _Role] = {"": _Role()}
        self._role_of: dict[Client, str] = {}

    def bid(self, client: Client, bid: Bid) -> list[Notice]:
        """Handle a MasterArbitrationUpdate; returns notices to send, that of a new primary last.

        Raises:
            Refused: the client's stream must be ended with this code (the client is then closed
                as for any other broken stream).
        """
        self._check(client, bid)
        role = self._roles.setdefault(bid.role, _Role())
        was_primary = role.primary == client
        role.clients[client] = bid
        self._role_of[client] = bid.role
        if bid.election_id is not None and bid.election_id >= _or_lowest(role.highest):
            if not was_primary or bid.election_id != role.highest:
                role.best = bid
            role.primary = client
            return list(self._notices(bid.role))
        if was_primary:
            role.primary = None
            return list(self._notices(bid.role))
        return [self._notice(bid.role, client)]

    def is_taken(self, client: Client, bid: Bid) -> bool:
        """Whether another live client of the role has the bid's election id."""
        return self._holder(client, bid) is not None

    def _holder(self, client: Client, bid: Bid) -> Bid | None:
        """The bid of another live client with the same election id."""
        for other, taken in self._roles.get(bid.role, _Role()).clients.items():
            if other != client and None is not bid.election_id == taken.election_id:
                return taken
        return None

    def close(self, client: Client) -> list[Notice]:
        """Remove a client whose stream has ended; returns notices to send."""
        name = self._role_of.pop(client, None)
        if name is None:
            return []
        role = self._roles[name]
        del role.clients[client]
        if role.primary != client:
            return []
        role.primary = None
        return list(self._notices(name))

    def check_primary(self, role: str, election_id: int | None) -> None:
        """Return if the role's primary has this election id.

        Raises:
            Refused: NOT_FOUND for a role that no client ever used, else PERMISSION_DENIED.
        """
        state = self._roles.get(role)
        if state is None:
            raise not_found(f"no client has ever used role {role!r}")
        if state.primary is None or election_id != state.highest:
            raise Refused(Code.PERMISSION_DENIED, f"Not primary: {state.holder}")

    def is_primary(self, client: Client) -> bool:
        """Whether the client is the primary of its role."""
        name = self._role_of.get(client)
        return name is not None and self._roles[name].primary == client

    def check_client(self, client: Client) -> None:
        """Return if the client is the primary of its role, else raise PERMISSION_DENIED."""
        if not self.is_primary(client):
            name = self._role_of.get(client)
            why = "the stream has no arbitration" if name is None else self._roles[name].holder
            raise Refused(Code.PERMISSION_DENIED, f"Not primary: {why}")

    def primaries(self) -> list[Client]:
        """Return every role's primary, for notifications and packet-in."""
        return [role.primary for role in self._roles.values() if role.primary is not None]

    def _check(self, client: Client, bid: Bid) -> None:
        known_role = self._role_of.get(client)
        if bid.device_id != self.device_id:
            code = Code.NOT_FOUND if known_role is None else Code.FAILED_PRECONDITION
            raise Refused(code, f"unknown device {bid.device_id}, this is {self.device_id}")
        if known_role is not None and known_role != bid.role:
            raise Refused(
                Code.FAILED_PRECONDITION,
                f"the stream's role is {known_role!r}: open another stream for {bid.role!r}",
            )
        if bid.role not in self._roles and len(self._roles) >= MAX_ROLES:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"the limit of {MAX_ROLES} roles is reached")
        clients = self._roles.get(bid.role, _Role()).clients
        taken = self._holder(client, bid)
        if taken is not None:
            raise invalid(f"election id {_text(bid.election_id)} is in use by {taken.address}")
        if known_role is None and len(clients) >= self._max_streams:
            raise Refused(
                Code.RESOURCE_EXHAUSTED, f"the limit of {self._max_streams} streams is reached"
            )

    def _notices(self, name: str) -> Iterator[Notice]:
        """Notices to all clients of a role; the primary's comes last, after writes in flight."""
        role = self._roles[name]
        for client in role.clients:
            if client != role.primary:
                yield self._notice(name, client)
        if role.primary is not None:
            yield self._notice(name, role.primary)

    def _notice(self, name: str, client: Client) -> Notice:
        role = self._roles[name]
        if role.primary == client:
            return Notice(client, name, role.highest, Code.OK, "Is primary")
        code = Code.NOT_FOUND if role.primary is None else Code.ALREADY_EXISTS
        return Notice(client, name, role.highest, code, f"Is backup: {role.holder}")


def _text(election_id: int | None) -> str:
    """An election id as clients write it: a number, or its high and low halves."""
    if election_id is None:
        return "unset"
    high, low = election_id >> 64, election_id & ((1 << 64) - 1)
    return f"({high}, {low})" if high else str(low)


def _or_lowest(election_id: int | None) -> int:
    return -1 if election_id is None else election_id
