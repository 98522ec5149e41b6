"""Client arbitration, without gRPC: every rule of the specification's section on it."""

import pytest

from v1switch.p4runtime.arbitration import Arbitration, Bid, Notice
from v1switch.p4runtime.errors import Code, Refused

DEVICE = 7
OK, BACKUP, NOBODY = Code.OK, Code.ALREADY_EXISTS, Code.NOT_FOUND


def bid(election_id, role="", device=DEVICE):
    return Bid(device, election_id, role)


def notified(notices: list[Notice]):
    return {notice.client: (notice.code, notice.election_id) for notice in notices}


@pytest.fixture
def arbitration():
    return Arbitration(DEVICE)


def refusal(call, *args):
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.code


def test_the_first_client_becomes_primary(arbitration):
    assert notified(arbitration.bid("a", bid(3))) == {"a": (OK, 3)}
    assert arbitration.is_primary("a")


def test_a_higher_id_takes_over_and_the_new_primary_is_notified_last(arbitration):
    arbitration.bid("a", bid(3))
    notices = arbitration.bid("b", bid(4))
    assert notified(notices) == {"a": (BACKUP, 4), "b": (OK, 4)}
    assert notices[-1].client == "b"
    assert not arbitration.is_primary("a")


def test_a_lower_id_becomes_backup_and_only_it_is_notified(arbitration):
    arbitration.bid("a", bid(3))
    assert notified(arbitration.bid("b", bid(2))) == {"b": (BACKUP, 3)}


def test_ids_use_all_128_bits(arbitration):
    arbitration.bid("a", bid(1 << 64))
    assert notified(arbitration.bid("b", bid((1 << 64) - 1))) == {"b": (BACKUP, 1 << 64)}
    assert notified(arbitration.bid("c", bid((1 << 128) - 1)))["c"] == (OK, (1 << 128) - 1)


def test_without_an_election_id_no_client_becomes_primary(arbitration):
    assert notified(arbitration.bid("a", bid(None))) == {"a": (NOBODY, None)}
    assert notified(arbitration.bid("b", bid(None))) == {"b": (NOBODY, None)}
    assert refusal(arbitration.check_primary, "", None) is Code.PERMISSION_DENIED


def test_zero_is_an_election_id_like_any_other(arbitration):
    arbitration.bid("a", bid(None))
    assert notified(arbitration.bid("b", bid(0))) == {"a": (BACKUP, 0), "b": (OK, 0)}
    arbitration.check_primary("", 0)
    assert refusal(arbitration.bid, "c", bid(0)) is Code.INVALID_ARGUMENT


def test_an_id_of_another_live_client_is_refused(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(2))
    assert refusal(arbitration.bid, "c", bid(2)) is Code.INVALID_ARGUMENT
    assert refusal(arbitration.bid, "a", bid(2)) is Code.INVALID_ARGUMENT
    assert arbitration.is_primary("a")


def test_the_same_id_in_two_roles_is_fine(arbitration):
    arbitration.bid("a", bid(3))
    assert notified(arbitration.bid("b", bid(3, role="acl"))) == {"b": (OK, 3)}
    assert set(arbitration.primaries()) == {"a", "b"}


def test_repeating_the_primarys_arbitration_notifies_all(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(2))
    assert notified(arbitration.bid("a", bid(3))) == {"b": (BACKUP, 3), "a": (OK, 3)}


def test_when_the_primary_leaves_no_client_takes_its_place(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(2))
    assert notified(arbitration.close("a")) == {"b": (NOBODY, 3)}
    assert refusal(arbitration.check_primary, "", 3) is Code.PERMISSION_DENIED
    assert notified(arbitration.bid("b", bid(2))) == {"b": (NOBODY, 3)}
    assert notified(arbitration.bid("b", bid(3))) == {"b": (OK, 3)}


def test_when_a_backup_leaves_no_client_is_notified(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(2))
    assert arbitration.close("b") == []
    assert arbitration.close("never came") == []


def test_a_primary_may_downgrade_itself(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(2))
    assert notified(arbitration.bid("a", bid(1))) == {"a": (NOBODY, 3), "b": (NOBODY, 3)}
    assert arbitration.primaries() == []


def test_a_primary_that_withdraws_its_id_is_none(arbitration):
    arbitration.bid("a", bid(3))
    assert notified(arbitration.bid("a", bid(None))) == {"a": (NOBODY, 3)}


def test_a_wrong_device_is_not_found_and_later_a_failed_precondition(arbitration):
    assert refusal(arbitration.bid, "a", bid(3, device=8)) is Code.NOT_FOUND
    arbitration.bid("a", bid(3))
    assert refusal(arbitration.bid, "a", bid(3, device=8)) is Code.FAILED_PRECONDITION


def test_a_stream_keeps_its_role(arbitration):
    arbitration.bid("a", bid(3))
    assert refusal(arbitration.bid, "a", bid(3, role="acl")) is Code.FAILED_PRECONDITION


def test_streams_of_a_role_are_limited():
    arbitration = Arbitration(DEVICE, max_streams=2)
    arbitration.bid("a", bid(1))
    arbitration.bid("b", bid(2))
    assert refusal(arbitration.bid, "c", bid(3)) is Code.RESOURCE_EXHAUSTED
    arbitration.bid("a", bid(4))
    arbitration.bid("c", bid(3, role="acl"))


def test_writing_takes_the_whole_triple(arbitration):
    arbitration.bid("a", bid(3))
    arbitration.bid("b", bid(5, role="acl"))
    arbitration.check_primary("", 3)
    arbitration.check_primary("acl", 5)
    assert refusal(arbitration.check_primary, "", 5) is Code.PERMISSION_DENIED
    assert refusal(arbitration.check_primary, "nobody's", 3) is Code.NOT_FOUND
