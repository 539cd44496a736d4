"""Talks of several turns: offers, refusals, counters, hand-backs, and certain signals."""

from dataclasses import replace

import pytest

from bridge.domain.messages import Role
from bridge.domain.policy import (
    Action,
    ApiEscalates,
    AssistantEscalates,
    AssistantFailed,
    AssistantSaid,
    ButtonPressed,
    CustomerSaid,
    Decision,
    Event,
    HandedBack,
    HandoffClosed,
    Memory,
    OfferDeclined,
    Policy,
    Talk,
    ThumbsDown,
    Turn,
    decide,
    default_policy,
    parse_policy,
)
from bridge.domain.texts import TEXTS

MINUTE = 60.0


def policy(**table: object) -> Policy:
    """Return a policy with these settings."""
    found = parse_policy(table)
    assert isinstance(found, Policy), found
    return found


class Conversation:
    """Plays events one after the other, a minute apart, and keeps what the policy keeps."""

    def __init__(self, rules: Policy | None = None) -> None:
        self.rules = rules or default_policy()
        self.memory = Memory()
        self.talk = Talk()
        self.at = 0.0

    def happens(self, event: Event) -> Decision:
        """Return the decision on an event."""
        decision, self.memory = decide(self.rules, self.talk, self.memory, event)
        return decision

    def says(self, text: str) -> Decision:
        """Return the decision on the customer's words."""
        self.at += MINUTE
        decision = self.happens(CustomerSaid(text, self.at))
        self._add(Role.CUSTOMER, text)
        return decision

    def answers(self, text: str, *, failed: bool = False, sure: float | None = None) -> Decision:
        """Return the decision on the assistant's words."""
        self.at += MINUTE
        decision = self.happens(AssistantSaid(text, self.at, failed, sure))
        self._add(Role.ASSISTANT, text)
        return decision

    def _add(self, role: Role, text: str) -> None:
        self.talk = replace(self.talk, turns=(*self.talk.turns, Turn(role, text)))


# ── certain signals ──────────────────────────────────────────────────────────────────────────────


def test_the_button_escalates_before_any_message() -> None:
    """A customer may ask for a person as the very first thing."""
    decision = Conversation().happens(ButtonPressed(0))
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "human_request")
    assert decision.mandatory


def test_the_assistants_tool_escalates_with_its_reason() -> None:
    """What the assistant gave as a reason is shown, with its urgency."""
    decision = Conversation().happens(AssistantEscalates(0, "needs a refund by hand", "", "high"))
    assert decision.action is Action.ESCALATE
    assert "needs a refund by hand" in decision.explanation
    assert decision.urgency == "high"


def test_the_api_may_name_room_and_urgency() -> None:
    """A program that escalates chooses where to."""
    decision = Conversation().happens(ApiEscalates(0, "vip", "low", "C123"))
    assert (decision.action, decision.urgency, decision.room) == (Action.ESCALATE, "low", "C123")


def test_a_failing_assistant_gets_one_more_try() -> None:
    """The first failure is forgiven; the second in a row brings in a person."""
    talk = Conversation()
    assert talk.happens(AssistantFailed(0, "timeout")).action is Action.NONE
    decision = talk.happens(AssistantFailed(1, "timeout"))
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "assistant_failed")


def test_an_answer_in_between_forgives_the_failures() -> None:
    """Only failures in a row count."""
    talk = Conversation()
    talk.happens(AssistantFailed(0, "timeout"))
    talk.answers("We are open from nine to five.")
    assert talk.happens(AssistantFailed(2, "timeout")).action is Action.NONE


def test_two_thumbs_down_bring_in_a_person() -> None:
    """One bad mark is noted, the second is enough."""
    talk = Conversation()
    assert talk.happens(ThumbsDown(0)).action is Action.NONE
    assert talk.happens(ThumbsDown(1)).trigger == "thumbs_down"


@pytest.mark.parametrize(
    "text",
    [
        "You are being transferred to a human agent. Please hold on.",
        "I will transfer you to a specialist who can help with this.",
        "Let me connect you with a colleague from our billing team.",
        "I'm escalating this to our support team now.",
        "Je vous mets en relation avec un conseiller.",
        "Ich verbinde Sie jetzt mit einem Mitarbeiter.",
        "Le transfiero con un agente ahora mismo.",
        "La sto mettendo in contatto con un operatore.",
        "Vou transferir você para um atendente.",
        "Ik verbind u nu door met een medewerker.",
        "正在为您转接人工客服，请稍候。",
        "سأحولك إلى موظف خدمة العملاء الآن",
    ],
)
def test_an_assistant_that_says_it_transfers_is_taken_at_its_word(text: str) -> None:
    """Half of the assistants announce a transfer and never call the tool."""
    decision = Conversation().answers(text)
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "assistant")
    assert decision.evidence in text


@pytest.mark.parametrize(
    "text",
    [
        "Would you like me to transfer you to a human agent?",
        "If you need more help, I can transfer you to a human agent.",
        "I'm unable to transfer you to a person.",
        "You may need to contact a human agent for this.",
        "I would need to transfer you to a human agent for that. Would you like me to do so?",
        "Souhaitez-vous que je vous mette en relation avec un conseiller ?",
        "Soll ich Sie mit einem Mitarbeiter verbinden?",
        "¿Quieres que te transfiera con un agente?",
        "您需要我为您转接人工客服吗？",
    ],
)
def test_an_offer_is_no_announcement(text: str) -> None:
    """Offering, refusing or recommending a person is not bringing one in."""
    assert Conversation().answers(text).action is Action.NONE


def test_a_marker_in_an_answer_escalates_and_can_be_taken_out() -> None:
    """An assistant without tools may write a marker; the customer never sees it."""
    talk = Conversation()
    text = "One moment. [[handoff]]"
    assert talk.answers(text).action is Action.ESCALATE
    assert talk.rules.strip_markers(text) == "One moment."


# ── offers ───────────────────────────────────────────────────────────────────────────────────────

OFFER = "I cannot change that. Would you like me to transfer you to a human agent?"


@pytest.mark.parametrize(
    "text",
    ["Yes please", "yes", "Sure, go ahead.", "That would be helpful, thanks", "ok", "Oui merci"],
)
def test_accepting_the_assistants_offer_escalates(text: str) -> None:
    """A yes to the offer in the assistant's last turn is an ask."""
    talk = Conversation()
    talk.answers(OFFER)
    decision = talk.says(text)
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "human_request")


def test_a_yes_to_another_question_is_none() -> None:
    """Where the assistant asks something else at the end, a yes answers that."""
    talk = Conversation()
    talk.answers("I can transfer you to a human agent. Shall I book the earlier flight instead?")
    assert talk.says("Yes, the earlier one.").action is Action.NONE


def test_a_yes_without_any_offer_is_none() -> None:
    """A yes alone asks for nobody."""
    talk = Conversation()
    talk.answers("Is your order number 4711?")
    assert talk.says("yes please").action is Action.NONE


def test_the_policys_own_offer_can_be_accepted_under_its_trigger() -> None:
    """The handoff is named after what the offer was made for."""
    talk = Conversation()
    assert talk.says("You charged me twice for one order").action is Action.OFFER
    decision = talk.says("yes please")
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "payment_dispute")


def test_after_the_assistant_asked_something_a_yes_answers_the_assistant() -> None:
    """An older offer does not swallow the answer to a newer question."""
    talk = Conversation()
    talk.says("You charged me twice for one order")
    talk.answers("I am sorry. Is it order 4711?")
    assert talk.says("yes").action is Action.NONE


@pytest.mark.parametrize("language", sorted(TEXTS["offer"]))
def test_our_own_offer_is_understood_as_one(language: str) -> None:
    """The words in which the bridge offers a person count as an offer in every language."""
    talk = Conversation()
    talk.answers(TEXTS["offer"][language])
    assert talk.says("yes please").action is Action.ESCALATE


def test_a_person_is_offered_once_for_the_same_thing() -> None:
    """Who passes over an offer is not asked again and again."""
    talk = Conversation()
    assert talk.says("I want a refund").action is Action.OFFER
    talk.answers("Refunds take five days.")
    assert talk.says("And the refund goes to my card?").action is Action.TAG


def test_nothing_is_offered_while_an_offer_stands() -> None:
    """One line of the customer's is met with one offer, however the assistant then fails."""
    talk = Conversation()
    assert talk.says("this is useless").action is Action.OFFER
    decision = talk.answers("I do not know the answer to that.", failed=True)
    assert (decision.action, decision.rule) == (Action.TAG, "counter.strikes")


def test_an_answer_that_failed_leaves_the_offer_to_be_answered() -> None:
    """A yes after "I do not know" is a yes to the person, whatever questions are named in it."""
    talk = Conversation()
    talk.says("this is useless")
    talk.answers("I do not know. The nearest questions:\n- Where is my order?", failed=True)
    decision = talk.says("yes")
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "frustration")


def test_an_offer_that_was_passed_over_makes_room_for_another() -> None:
    """The customer's next line may be met with an offer for something else."""
    talk = Conversation()
    assert talk.says("You charged me twice for one order").action is Action.OFFER
    talk.answers("Refunds take five days.")
    talk.says("Which card does it go to?")
    assert talk.answers("", failed=True).trigger == "unresolved"


def test_an_offer_that_stands_holds_nobody_back() -> None:
    """The second failure brings in a person also where the first one's offer has no answer."""
    talk = Conversation()
    assert talk.answers("I'm not sure I understand.").action is Action.OFFER
    assert talk.answers("I'm not sure I understand.").action is Action.ESCALATE


def test_an_answer_that_offers_a_person_itself_is_no_reason_to_offer_one() -> None:
    """Where the assistant has just asked the same, we do not ask it again; a yes is heard."""
    talk = Conversation()
    assert talk.answers(f"I cannot answer that. {OFFER}", failed=True).action is Action.TAG
    assert talk.says("yes please").action is Action.ESCALATE


def test_a_no_is_remembered_but_an_ask_still_counts() -> None:
    """After a no nothing is offered for a while; asking outright works at any time."""
    talk = Conversation()
    talk.answers(OFFER)
    talk.says("No, I'd rather not be transferred.")
    assert talk.says("This is ridiculous, you charged me twice").action is Action.TAG
    assert talk.says("Fine, let me talk to a person").action is Action.ESCALATE


def test_a_no_by_button_is_remembered_too() -> None:
    """The widget's own button declines just as words do."""
    talk = Conversation()
    talk.says("I want a refund")
    talk.happens(OfferDeclined(talk.at))
    assert talk.says("You are useless").action is Action.TAG


def test_a_no_is_forgotten_in_time() -> None:
    """The memory of a no lasts as long as the settings say."""
    talk = Conversation()
    talk.happens(OfferDeclined(0))
    talk.at = default_policy().settings.declined_seconds
    assert talk.says("You are useless").action is Action.OFFER


# ── counters ─────────────────────────────────────────────────────────────────────────────────────


def test_the_first_evasive_answer_offers_and_the_second_escalates() -> None:
    """Two answers that do not help, on one problem, are enough."""
    talk = Conversation()
    talk.says("How do I reset the door code?")
    assert talk.answers("I'm sorry, I didn't understand that.").action is Action.OFFER
    talk.says("The code of the front door, how is it reset?")
    decision = talk.answers("Could you rephrase your question?")
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "unresolved")
    assert decision.evidence == "Could you rephrase"


def test_an_assistant_may_say_itself_that_it_failed() -> None:
    """A flag of the assistant counts like an evasive answer."""
    talk = Conversation()
    assert talk.answers("Here is a page.", failed=True).action is Action.OFFER
    talk.says("That page is about something else entirely")
    assert talk.answers("Here is another page.", failed=True).action is Action.ESCALATE


def test_low_confidence_counts_only_where_a_limit_is_set() -> None:
    """Without a limit no confidence is too low."""
    assert Conversation().answers("Maybe.", sure=0.1).action is Action.NONE
    strict = Conversation(policy(counters={"min_confidence": 0.5}))
    assert strict.answers("Maybe.", sure=0.1).action is Action.OFFER
    assert strict.answers("Surely.", sure=0.9).action is Action.NONE


def test_saying_the_same_again_counts() -> None:
    """Words repeated with little change show that the answer missed."""
    talk = Conversation()
    talk.says("my router blinks red after the update")
    talk.answers("Please restart it.")
    decision = talk.says("the router still blinks red after the update")
    assert decision.action is Action.OFFER
    assert decision.rule == "counter.strikes"


def test_short_words_are_no_repetition() -> None:
    """Saying thanks twice is not going in circles."""
    talk = Conversation()
    talk.says("ok thanks")
    talk.answers("You are welcome.")
    assert talk.says("ok thanks").action is Action.NONE


def test_displeasure_after_an_answer_counts_once_an_exchange() -> None:
    """An evasive answer and the complaint about it are one failure, not two."""
    talk = Conversation()
    talk.says("How do I reset the door code?")
    talk.answers("I don't know.")
    assert talk.says("that doesn't help").action is not Action.ESCALATE
    talk.answers("Have you tried the manual?")
    assert talk.says("that doesn't help").action is Action.ESCALATE


def test_a_good_exchange_takes_the_failures_away() -> None:
    """Failures count on one problem, not over a lifetime."""
    talk = Conversation()
    talk.answers("I don't know.")
    talk.says("and where can I park?")
    talk.answers("Behind the house, for free.")
    talk.says("great, and when is breakfast?")
    assert talk.answers("I don't know.").action is not Action.ESCALATE


def test_turns_and_minutes_offer_where_they_are_set() -> None:
    """Both limits are off unless somebody sets them."""
    by_turns = Conversation(policy(counters={"turns": 2}))
    assert by_turns.says("first question about parking").action is Action.NONE
    assert by_turns.says("second question on breakfast").action is Action.OFFER
    by_minutes = Conversation(policy(counters={"minutes": 10}))
    by_minutes.talk = Talk(floor_minutes=11.0)
    assert by_minutes.says("a question about parking").rule == "counter.minutes"


def test_a_waiting_topic_escalates_under_its_own_name() -> None:
    """A cancellation is the assistant's daily bread until it does not succeed."""
    rules = policy(topics={"cancellation": {"after": 1, "room": "C9"}})
    talk = Conversation(rules)
    assert talk.says("I want to cancel my contract").action is Action.TAG
    decision = talk.answers("I'm sorry, I don't understand.")
    assert decision.action is Action.ESCALATE
    assert (decision.trigger, decision.room) == ("cancellation", "C9")


def test_anger_is_met_with_an_offer_and_then_with_a_person() -> None:
    """The first angry message offers, the second escalates."""
    talk = Conversation()
    assert talk.says("this is ridiculous").action is Action.OFFER
    talk.answers("I am sorry to hear that.")
    decision = talk.says("you are completely useless")
    assert (decision.action, decision.trigger) == (Action.ESCALATE, "frustration")


def test_anger_about_a_topic_keeps_the_name_of_the_topic() -> None:
    """What the customer is angry about says more than that they are."""
    decision = Conversation().says("This company is awful, I want to close my account")
    assert (decision.action, decision.trigger) == (Action.OFFER, "cancellation")
    assert decision.urgency == "high"


# ── after people had it ──────────────────────────────────────────────────────────────────────────


def test_after_a_hand_back_only_what_is_sure_counts() -> None:
    """Guesses and offers cool down; an ask does not."""
    talk = Conversation()
    talk.says("let me talk to a human")
    talk.happens(HandedBack(talk.at))
    assert talk.says("this is ridiculous").action is Action.TAG
    assert talk.says("you charged me twice").action is Action.TAG
    assert talk.says("my card was stolen").action is Action.ESCALATE


def test_counters_start_anew_after_a_hand_back() -> None:
    """What went wrong before people came is forgotten."""
    talk = Conversation()
    talk.answers("I don't know.")
    talk.happens(HandedBack(0))
    assert talk.memory == Memory(cool_until=600, bounces=1)


def test_the_third_bounce_stays_with_people() -> None:
    """A talk that went to and fro twice is not handed back a third time."""
    talk = Conversation()
    stays = []
    for _ in range(3):
        stays.append(talk.says("let me talk to a human").stays)
        talk.happens(HandedBack(talk.at))
    assert stays == [False, False, True]


def test_a_closed_handoff_begins_a_new_matter() -> None:
    """Nothing of the old one is held against the customer."""
    talk = Conversation()
    talk.happens(HandedBack(0))
    talk.happens(HandoffClosed(1))
    assert talk.memory == Memory()


# ── settings that change the course ──────────────────────────────────────────────────────────────


def test_a_dry_run_records_and_does_nothing() -> None:
    """What would have been done is told; what people ask for on purpose happens anyway."""
    talk = Conversation(policy(dry_run=True))
    decision = talk.says("let me talk to a human")
    assert (decision.action, decision.would) == (Action.TAG, Action.ESCALATE)
    assert decision.explanation.startswith("dry run, would escalate")
    assert talk.says("you charged me twice").would is Action.OFFER
    assert talk.happens(ButtonPressed(0)).action is Action.ESCALATE


def test_the_assistant_may_be_given_its_attempts_first() -> None:
    """Before that an ask is met with an offer; asking again always counts."""
    talk = Conversation(policy(min_attempts=2))
    assert talk.says("let me talk to a human").action is Action.OFFER
    assert talk.says("I said, let me talk to a human").action is Action.ESCALATE
    patient = Conversation(policy(min_attempts=1))
    patient.answers("Good morning, this is the assistant.")
    assert patient.says("let me talk to a human").action is Action.ESCALATE


def test_an_own_topic_is_found_by_its_phrases() -> None:
    """Phrases are folded like messages; a star stands for the rest of a word."""
    table = {"privacy": {"phrases": ["données personnelles", "data expor*"], "mode": "immediate"}}
    talk = Conversation(policy(topics=table))
    assert talk.says("Je veux mes DONNEES personnelles").trigger == "privacy"
    decision = talk.says("please start a data export")
    assert (decision.action, decision.evidence) == (Action.ESCALATE, "data export")


def test_own_phrases_add_to_a_known_topic() -> None:
    """A built-in topic keeps its rules and gains words."""
    talk = Conversation(policy(topics={"security": {"phrases": ["lost my badge"]}}))
    assert talk.says("I lost my badge").trigger == "security"
    assert talk.says("my card was stolen").trigger == "security"


def test_a_topic_can_be_turned_off() -> None:
    """What an administrator does not want to hear of is not heard of."""
    talk = Conversation(policy(topics={"security": {"mode": "off"}}, model={"enabled": False}))
    assert talk.says("my card was stolen").action is Action.NONE


def test_room_and_urgency_come_from_the_rule() -> None:
    """An ask goes where the settings send asks; without a room it goes where the talk goes."""
    rules = policy(ask={"room": "C1", "urgency": "high"})
    talk = Conversation(rules)
    talk.talk = Talk(room="C0")
    ask = talk.says("let me talk to a human")
    assert (ask.room, ask.urgency) == ("C1", "high")
    assert talk.says("I have a complaint").room == "C0"


def test_the_talk_may_already_hold_the_message() -> None:
    """A caller that stores first and asks then gets the same answer."""
    text = "my router blinks red after the update"
    earlier = (Turn(Role.CUSTOMER, "hello there"), Turn(Role.ASSISTANT, "Hello!"))
    memory = Memory(answers=1)
    alone = decide(default_policy(), Talk(earlier), memory, CustomerSaid(text, 1))
    within = Talk((*earlier, Turn(Role.CUSTOMER, text)))
    assert decide(default_policy(), within, memory, CustomerSaid(text, 1)) == alone
