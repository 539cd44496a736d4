"""What is made of notices: our own are skipped, lost ones are noticed."""

from bridge.domain.ids import ConversationId
from bridge.ports.store import News
from storage.wakeup import ALL, Gossip, listed

ONE, TWO = ConversationId("cnv_1"), ConversationId("cnv_2")


def gossip(**counts: int) -> Gossip:
    """Return what `me` knows after hearing these counts."""
    known = Gossip("me")
    known.begin(counts)
    return known


def test_a_notice_names_what_changed() -> None:
    """Conversations by name, as long as they fit into a notice."""
    assert gossip(a=4).heard(f"a 5 {listed([ONE, TWO])}") == News(frozenset({ONE, TWO}))
    assert gossip(a=4).heard("a 5 ") == News(frozenset())


def test_too_many_names_mean_everything() -> None:
    """A notice has its limit; a long list is a star."""
    many = [ConversationId(f"cnv_{number:020}") for number in range(500)]
    assert listed(many) == "*"
    assert gossip(a=4).heard("a 5 *") == ALL


def test_our_own_notices_are_skipped() -> None:
    """What we stored we know already."""
    assert gossip(me=1).heard("me 2 cnv_1") is None


def test_a_notice_that_skips_a_number_means_everything() -> None:
    """One before it was lost: nobody knows what it said."""
    known = gossip(a=4)
    assert known.heard("a 6 cnv_1") == ALL
    assert known.heard("a 7 cnv_1") == News(frozenset({ONE}))


def test_a_new_instance_is_heard_from_its_first_word() -> None:
    """Nobody announces himself."""
    assert gossip().heard("b 1 cnv_1") == News(frozenset({ONE}))


def test_what_is_no_notice_is_passed_over() -> None:
    """Others may use the channel."""
    for stray in ("", "hello", "a b c", "a -1 x"):
        assert gossip(a=1).heard(stray) is None


def test_a_lost_notice_is_noticed_by_counting() -> None:
    """Behind twice in a row: the notice is not on its way any more."""
    known = gossip(a=4)
    assert known.polled({"a": 5}) is None
    assert known.polled({"a": 5}) == ALL
    assert known.polled({"a": 5}) is None


def test_a_notice_that_comes_late_is_no_loss() -> None:
    """What was counted before it was heard alarms nobody."""
    known = gossip(a=4)
    assert known.polled({"a": 5}) is None
    assert known.heard("a 5 cnv_1") == News(frozenset({ONE}))
    assert known.polled({"a": 5}) is None


def test_our_own_count_and_the_gone_do_not_matter() -> None:
    """Nobody is behind himself, and who left is forgotten."""
    known = gossip(me=1, a=4)
    assert known.polled({"me": 9}) is None
    assert known.polled({"me": 9}) is None
    assert known.heard("a 1 cnv_1") == News(frozenset({ONE}))
