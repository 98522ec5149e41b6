"""Digest lists: when they are sent, and what is not sent twice."""

from v1switch.state.digests import DigestConfig, DigestLists


def test_without_a_timeout_every_message_is_a_list():
    lists = DigestLists(DigestConfig())
    assert lists.learn("a", 0).messages == ("a",)
    assert lists.learn("a", 1).messages == ("a",)  # no acknowledgement timeout, no cache
    assert lists.next_deadline() is None


def test_a_list_is_full_at_its_size_and_holds_no_duplicates():
    lists = DigestLists(DigestConfig(max_timeout_ns=100, max_list_size=2))
    assert lists.learn("a", 0) is None
    assert lists.learn("a", 1) is None
    full = lists.learn("b", 2)
    assert full.messages == ("a", "b")
    assert lists.learn("c", 3) is None
    assert lists.advance(102) is None
    assert lists.advance(103).list_id == full.list_id + 1


def test_a_buffer_waits_no_longer_than_its_oldest_message_may():
    lists = DigestLists(DigestConfig(max_timeout_ns=100))
    lists.learn("a", 10)
    lists.learn("b", 90)
    assert lists.next_deadline() == 110
    assert lists.advance(109) is None
    assert lists.advance(110).messages == ("a", "b")
    assert lists.next_deadline() is None
    assert lists.advance(10_000) is None


def test_what_was_sent_is_not_sent_again_until_acknowledged():
    lists = DigestLists(DigestConfig(max_list_size=1, ack_timeout_ns=1000))
    first = lists.learn("a", 0)
    assert lists.learn("a", 1) is None
    lists.acknowledge(first.list_id + 5)
    assert lists.learn("a", 2) is None
    lists.acknowledge(first.list_id)
    assert lists.learn("a", 3).messages == ("a",)


def test_an_acknowledgement_that_does_not_come_is_waited_for_only_so_long():
    lists = DigestLists(DigestConfig(max_list_size=1, ack_timeout_ns=1000))
    lists.learn("a", 0)
    lists.learn("b", 500)
    assert lists.next_deadline() == 1000
    lists.advance(1000)
    assert lists.learn("a", 1001) is not None
    assert lists.learn("b", 1002) is None
