"""Alerts from the newest figures: who is told what, when, and how often."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from licenses.alerts import actions, evaluation
from licenses.models import Alert, AlertRule, AlertState, Channel, Notification, PoolNow, Silence
from tests.factories import FeatureFactory, MembershipFactory, covered, holding, refusal

from .conftest import T0, moment

Kind = AlertRule.Kind


def states() -> dict[str, str]:
    return dict(AlertState.objects.values_list("subject", "state"))


def test_a_pool_that_fills_up_is_told_once_and_once_that_it_is_over(company):
    pool = company.add_pool("Modeller", zone="Europe/Berlin")
    company.story(pool, [5, 9, 10, 10, 9, 5, 5, 5, 5])
    assert company.subjects() == [
        "Modeller is full: 10 of 10 seats in use",
        "Over: Modeller is full: 10 of 10 seats in use",
    ]
    first, last = mail.outbox
    assert "10 of 10 seats in use (100 %)." in first.body
    assert (
        "Since 2026-09-21 15:38 CEST. Figures as of 2026-09-21 15:43 CEST, from polls" in first.body
    )
    assert f"/admin/licenses/licensepool/{pool.pk}/overview/" in first.body
    assert "From 2026-09-21 15:38 CEST to 2026-09-21 15:58 CEST, 20 min." in last.body
    assert "Peak: 10 of 10 seats." in last.body
    alert = Alert.objects.get()
    assert (alert.state, alert.worst_value) == ("resolved", 10)
    assert alert.started_at == moment(300)
    assert alert.resolved_at == moment(1500)


def test_links_lead_to_where_people_reach_us(company, settings):
    settings.ITAM_PUBLIC_URL = "https://itam.example"
    pool = company.add_pool("Modeller")
    company.story(pool, [9, 9])
    page = f"https://itam.example/admin/licenses/licensepool/{pool.pk}/overview/"
    assert f"More: {page}\n" in mail.outbox[0].body


def test_one_full_answer_tells_nobody(company):
    pool = company.add_pool("Modeller")
    company.story(pool, [5, 10, 5, 10, 5])
    assert (company.subjects(), Alert.objects.count()) == ([], 0)


def test_evaluating_the_same_answer_often_counts_it_once(company):
    pool = company.add_pool("Modeller")
    company.sample(pool, 0, 10)
    for second in range(5, 600, 30):
        company.evaluate(second)
    assert states() == {f"pool:{pool.pk}": "pending"}


@pytest.mark.once
def test_noise_of_a_seat_for_a_day_gives_two_messages_at_most(company):
    pool = company.add_pool("Modeller")
    noise = [9 + (number * 7919 % 13) % 3 - 1 for number in range(288)]
    for number, value in enumerate(noise):
        company.sample(pool, number * 300, value)
        company.evaluate(number * 300 + 5)
    company.deliver(288 * 300)
    assert set(noise) == {8, 9, 10}
    assert Notification.objects.count() == 1


def test_blindness_inhibits_and_never_resolves(company):
    company.add_rule("silent", Kind.SERVER)
    pool = company.add_pool("Modeller", company.add_server(name="cad-licenses"))
    company.rule.repeat_seconds = 600
    company.rule.save()
    end = company.story(pool, [9, 9])
    # For two hours the server answers nothing, though it is asked.
    server = pool.mappings.get().feature.server
    for second in range(end, end + 7200, 300):
        company.answer(server, 300, attempt=second)
        company.evaluate(second)
        company.deliver(second + 40)
    assert states() == {f"pool:{pool.pk}": "blind", f"server:{server.pk}": "firing"}
    assert Alert.objects.get(pool=pool).state == "firing"
    # Repetitions of the pool's alert stopped as soon as nobody could see.
    assert company.subjects()[-1] == "Licence server cad-licenses gives no answer"
    assert "Nothing is known meanwhile of: Modeller." in mail.outbox[-1].body
    count = len(mail.outbox)
    end = company.story(pool, [9, 9], begin=end + 7200)
    assert states()[f"pool:{pool.pk}"] == "firing"
    company.story(pool, [1, 1, 1, 1], begin=end)
    told = "".join(message.body for message in mail.outbox[count:])
    assert told.count("Over: Modeller: 9 of 10 seats in use\nFrom") == 1
    assert told.count("Over: Licence server cad-licenses gives no answer\nFrom") == 1


def test_a_server_that_nobody_asked_is_not_accused(company):
    company.add_rule("silent", Kind.SERVER)
    server = company.add_server()
    company.answer(server, 0)
    company.evaluate(5)
    company.evaluate(7200)
    assert states() == {f"server:{server.pk}": "blind"}
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("poll_seconds", "after", "silent"),
    [(300, 890, False), (300, 910, True), (900, 2600, False), (900, 2800, True), (30, 910, True)],
)
def test_a_server_is_silent_after_three_intervals_and_a_quarter_of_an_hour(
    company, poll_seconds, after, silent
):
    company.add_rule("silent", Kind.SERVER)
    company.answer(company.add_server(poll_seconds=poll_seconds), 0, attempt=after)
    company.evaluate(after)
    assert Alert.objects.exists() is silent


def test_old_figures_of_a_server_without_polls_do_not_fire(company):
    pool = company.add_pool("Modeller", company.add_server(polling="off"))
    for second in (0, 300):
        company.sample(pool, second, 10)
        company.evaluate(second + 7200)
    assert not Alert.objects.exists()


def test_alerts_of_one_server_reach_a_reader_as_one_message(company):
    server = company.add_server(name="cad")
    pools = [company.add_pool(f"Pool {letter}", server) for letter in "ABC"]
    for pool in pools:
        company.sample(pool, 0, 9)
    company.evaluate(5)
    for pool in pools:
        company.sample(pool, 300, 9)
    company.evaluate(305)
    assert company.deliver(310) == 0  # waits for company
    assert company.deliver(340) == 1
    assert company.subjects() == ["3 alerts (3 new): Pool A: 9 of 10 seats in use and 2 more"]
    for pool in pools:
        assert f"/admin/licenses/licensepool/{pool.pk}/overview/" in mail.outbox[0].body
    assert set(Notification.objects.values_list("state", flat=True)) == {"sent"}
    assert Notification.objects.filter(carrier=None).count() == 1


def test_a_group_is_silent_for_five_minutes_after_a_message(company):
    server = company.add_server()
    first, second = company.add_pool("First", server), company.add_pool("Second", server)
    company.story(first, [9, 9])
    assert len(mail.outbox) == 1  # at 340
    company.sample(second, 400, 9)
    company.evaluate(405)
    company.sample(second, 700, 9)
    company.sample(first, 700, 9)
    sent_at = Notification.objects.get().sent_at
    company.evaluate(701)
    due = Notification.objects.get(state="waiting").due_at
    assert due == max(sent_at + timedelta(minutes=5), moment(731))


def test_each_address_gets_its_own_message(company):
    company.channel.target = "a@example.test, b@example.test"
    company.channel.save()
    company.story(company.add_pool("Modeller"), [9, 9])
    assert [message.to for message in mail.outbox] == [["a@example.test"], ["b@example.test"]]


def test_what_ends_within_the_wait_of_its_group_is_never_told(company):
    AlertRule.objects.update(for_seconds=0, for_samples=1, keep_firing_seconds=0)
    pool = company.add_pool("Modeller")
    company.sample(pool, 0, 9)
    company.evaluate(1)
    company.sample(pool, 20, 1)
    company.evaluate(21)
    assert (Alert.objects.get().state, Notification.objects.count()) == ("resolved", 0)
    assert company.deliver(400) == 0


def test_what_ends_before_the_sender_came_is_told_with_its_end(company):
    """The sender was away: both messages go out, in their order."""
    AlertRule.objects.update(keep_firing_seconds=0)
    pool = company.add_pool("Modeller")
    company.fire(pool)
    company.sample(pool, 900, 1)
    company.evaluate(905)
    company.deliver(2000)
    company.deliver(2400)
    assert company.subjects() == [
        "Modeller: 9 of 10 seats in use",
        "Over: Modeller: 9 of 10 seats in use",
    ]


def test_the_end_is_told_to_those_who_were_told_of_the_beginning(company):
    pool = company.add_pool("Modeller")
    end = company.story(pool, [9, 9])
    newcomer = Channel.objects.create(name="New", kind="mail", target="new@example.test")
    company.rule.channels.set([newcomer])
    company.story(pool, [1, 1, 1, 1], begin=end)
    assert [message.to for message in mail.outbox] == [["asset.manager@example.test"]] * 2


def test_repetitions_go_on_until_somebody_acknowledges(company, django_user_model):
    user = django_user_model.objects.create_user("manager")
    company.rule.repeat_seconds = 900
    company.rule.save()
    pool = company.add_pool("Modeller")
    end = company.story(pool, [9] * 9)
    assert company.subjects()[1:] == ["Still: Modeller: 9 of 10 seats in use"] * 2
    alert = Alert.objects.get()
    assert f"/admin/licenses/alert/{alert.pk}/change/" in mail.outbox[0].body
    assert actions.acknowledge(alert, user, moment(end))
    assert not actions.acknowledge(alert, user)
    end = company.story(pool, [9] * 9, begin=end)
    assert len(mail.outbox) == 3
    company.story(pool, [1] * 4, begin=end)
    assert company.subjects()[3:] == ["Over: Modeller: 9 of 10 seats in use"]


def silence(company, begin: int, end: int, **about) -> Silence:
    return actions.silence(
        starts_at=moment(begin), ends_at=moment(end), reason="maintenance", author=None, **about
    )


def test_a_silence_hides_the_message_until_it_ends(company):
    pool = company.add_pool("Modeller")
    silence(company, 0, 3000, pool=pool)
    end = company.story(pool, [9] * 9)
    assert (company.subjects(), Alert.objects.get().state) == ([], "firing")
    company.story(pool, [9] * 3, begin=end)
    assert company.subjects() == ["Modeller: 9 of 10 seats in use"]


def test_an_end_within_a_silence_is_told_after_it_and_only_to_who_knew(company):
    known, unknown = company.add_pool("Known"), company.add_pool("Unknown")
    end = company.story(known, [9, 9])
    silence(company, end, end + 3000, rule=company.rule)
    company.story(unknown, [9, 9, 9, 1, 1, 1, 1], begin=end)
    for second in range(end + 600, end + 2400, 300):
        company.sample(known, second, 1)
        company.evaluate(second + 5)
        company.deliver(second + 60)
    assert company.subjects() == ["Known: 9 of 10 seats in use"]
    company.deliver(end + 3000)
    assert company.subjects()[1:] == ["Over: Known: 9 of 10 seats in use"]
    assert Alert.objects.get(pool=unknown).state == "resolved"


@pytest.mark.parametrize(
    ("about", "hidden"),
    [
        ("rule", True),
        ("pool", True),
        ("server", True),
        ("other pool", False),
        ("other server", False),
        ("rule and other pool", False),
    ],
)
def test_a_silence_hides_what_all_its_parts_fit(company, about, hidden):
    pool, other = company.add_pool("Modeller"), company.add_pool("Other")
    server = pool.mappings.get().feature.server
    parts = {
        "rule": {"rule": company.rule},
        "pool": {"pool": pool},
        "server": {"server": server},
        "other pool": {"pool": other},
        "other server": {"server": other.mappings.get().feature.server},
        "rule and other pool": {"rule": company.rule, "pool": other},
    }
    silence(company, 0, 9000, **parts[about])
    company.fire(pool)
    assert bool(company.waiting()) is not hidden


def test_a_rule_that_is_switched_off_ends_its_alerts(company):
    pool = company.add_pool("Modeller")
    end = company.story(pool, [9, 9])
    company.rule.enabled = False
    company.rule.save()
    company.story(pool, [9], begin=end + 300)
    assert company.subjects()[-1] == "Over: Modeller: 9 of 10 seats in use"
    assert "no longer watched" in mail.outbox[-1].body
    assert states() == {}


def test_a_state_without_its_alert_makes_a_new_one(company):
    pool = company.add_pool("Modeller")
    company.fire(pool).delete()
    company.sample(pool, 600, 9)
    company.evaluate(605)
    assert Alert.objects.get().state == "firing"


def test_an_alert_without_its_state_ends_or_goes_on(company):
    pool = company.add_pool("Modeller")
    company.fire(pool)
    AlertState.objects.all().delete()
    company.sample(pool, 600, 1)
    company.evaluate(605)
    assert Alert.objects.get().state == "resolved"


@pytest.mark.parametrize(
    ("kind", "threshold", "in_use", "fires"),
    [
        pytest.param(Kind.SEATS_LEFT, 2, 7, False, id="three-left"),
        pytest.param(Kind.SEATS_LEFT, 2, 8, True, id="two-left"),
        pytest.param(Kind.OVER_USE, 0, 10, False, id="all-in-use-is-allowed"),
        pytest.param(Kind.OVER_USE, 0, 11, True, id="one-too-many"),
        pytest.param(Kind.USE_PERCENT, 120, 11, False, id="below-120-percent"),
        pytest.param(Kind.USE_PERCENT, 120, 12, True, id="at-120-percent"),
    ],
)
def test_each_kind_fires_at_its_threshold(company, kind, threshold, in_use, fires):
    company.rule.delete()
    company.rule = company.add_rule("rule", kind, threshold=threshold)
    pool = company.add_pool("Modeller")
    for second in (0, 300):
        company.sample(pool, second, in_use)
        company.evaluate(second + 5)
    assert Alert.objects.exists() is fires


def test_over_use_ends_as_soon_as_it_is_allowed_again(company):
    company.rule.delete()
    company.add_rule("over", Kind.OVER_USE, keep_firing_seconds=0)
    company.story(company.add_pool("Modeller"), [11, 11, 10, 10])
    assert company.subjects()[0] == "Modeller is over its limit: 11 in use, 10 allowed"
    assert Alert.objects.get().state == "resolved"


@pytest.mark.parametrize("values", [{"limit": None}, {"limit": 0}])
def test_without_a_limit_nothing_is_near_it(company, values):
    pool = company.add_pool("Modeller")
    for second in (0, 300):
        company.sample(pool, second, 10, **values)
        company.evaluate(second + 5)
    assert not Alert.objects.exists()


def test_a_limit_that_becomes_unknown_blinds_and_does_not_resolve(company):
    pool = company.add_pool("Modeller")
    company.fire(pool)
    for second in range(600, 3000, 300):
        company.sample(pool, second, 10, limit=None)
        company.evaluate(second + 5)
    assert Alert.objects.get().state == "firing"


def test_refusals_of_the_last_hour_fire_and_are_counted_at_the_end(company):
    company.rule.delete()
    company.add_rule(
        "refused", Kind.DENIALS, threshold=3, for_seconds=0, for_samples=1, keep_firing_seconds=0
    )
    pool = company.add_pool("Modeller")
    feature = pool.mappings.get().feature
    covered(feature.server, T0 - 9000, T0 + 9000)
    person = holding(feature, T0 - 9000, None).person
    for second in (-3500, -100, -50):
        refusal(feature, T0 + second, person)
    refusal(feature, T0 - 40, person, capacity=False)
    company.story(pool, [5])
    assert company.subjects() == ["Modeller: 3 refusals in an hour"]
    for number in range(1, 15):
        company.story(pool, [5], begin=number * 300)
    assert Alert.objects.get().state == "resolved"
    assert "At most 3 refusals in an hour." in mail.outbox[-1].body


def test_without_a_log_nothing_is_known_of_refusals(company):
    company.add_rule("refused", Kind.DENIALS, threshold=3, for_seconds=0, for_samples=1)
    pool = company.add_pool("Modeller")
    company.story(pool, [9, 9, 1, 1, 1])
    states = AlertState.objects.filter(rule__kind=Kind.DENIALS)
    assert states.get().state == "blind"
    alert = Alert.objects.get()
    assert (alert.state, alert.denials) == ("resolved", None)
    assert "Refused meanwhile for want of seats: not known, as no log tells of that time." in (
        mail.outbox[-1].body
    )


def test_where_a_log_tells_of_no_refusal_there_were_none(company):
    pool = company.add_pool("Modeller")
    covered(pool.mappings.get().feature.server, T0 - 9000, T0 + 9000)
    company.story(pool, [9, 9, 1, 1, 1])
    assert Alert.objects.get().denials == 0


def test_a_message_says_who_holds_most_without_a_name(company):
    pool = company.add_pool("Modeller")
    feature = pool.mappings.get().feature
    for number in range(4):
        row = holding(feature, T0 - 100 * number - 100, None, seats=3 if number == 0 else 1)
        if number < 2:
            MembershipFactory(person=row.person, team__name=["Design", "Tooling"][number])
    company.story(pool, [9, 9])
    assert "4 people hold them, one of them 3 seats; most are with Design (3 seats)." in (
        mail.outbox[0].body
    )
    assert "user" not in mail.outbox[0].body


def test_a_message_names_no_team_that_is_so_small_that_it_would_be_somebody(company, settings):
    settings.ITAM_NAMES = "pseudonymous"
    pool = company.add_pool("Modeller")
    row = holding(pool.mappings.get().feature, T0 - 100, None, seats=9)
    team = MembershipFactory(person=row.person, team__name="Design").team
    company.story(pool, [9, 9])
    assert "Design" not in mail.outbox[0].body
    for _ in range(4):
        MembershipFactory(team=team)
    other = company.add_pool("Solver")
    holding(other.mappings.get().feature, T0 - 100, None, seats=9, person=row.person)
    company.story(other, [9, 9], begin=600)
    assert "most are with Design (9 seats)" in mail.outbox[-1].body


def test_hostile_names_reach_a_mail_as_plain_text(company):
    pool = company.add_pool("Mod\u202eeller\r\nBcc: everybody@example.test\x1b[31m")
    company.story(pool, [9, 9])
    assert company.subjects() == ["Modeller Bcc: everybody@example.test[31m: 9 of 10 seats in use"]
    text = mail.outbox[0].message().as_string()
    assert "\nBcc:" not in text
    assert "\x1b" not in mail.outbox[0].body


def test_the_scheduler_standing_still_fires_and_ends(company):
    from licenses.alerts import heartbeat

    company.rule.delete()
    company.add_rule("scheduler", Kind.SCHEDULER)
    heartbeat.beat("worker", moment(0))
    company.evaluate(115)
    assert not Alert.objects.exists()
    company.evaluate(130)
    assert Alert.objects.get().title == "The worker stands still"
    heartbeat.beat("worker", moment(400))
    company.evaluate(410)
    assert Alert.objects.get().state == "resolved"


def test_a_long_pause_of_the_evaluator_is_told_in_the_summary(company):
    assert company.evaluate(0).missed_since is None
    assert company.evaluate(30).missed_since is None
    assert company.evaluate(5000).missed_since == moment(30)


def everything(company, pools: int) -> None:
    company.channel.target = "a@example.test, b@example.test"
    company.channel.save()
    for kind in (Kind.SEATS_LEFT, Kind.OVER_USE, Kind.DENIALS, Kind.SERVER, Kind.SCHEDULER):
        company.add_rule(kind, kind, threshold=2)
    company.add_rule(Kind.CONTRACT, Kind.CONTRACT)
    company.add_rule(Kind.LICENSE_EXPIRY, Kind.LICENSE_EXPIRY)
    for number in range(pools):
        pool = company.add_pool(f"Pool {number} of {pools}")
        holding(pool.mappings.get().feature, T0 - 100, None)
        company.sample(pool, 0, 12)


@pytest.mark.parametrize("stage", ["first", "firing", "quiet", "resolving"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_pools(company, stage):
    def count(pools: int) -> int:
        AlertRule.objects.all().delete()
        AlertState.objects.all().delete()
        PoolNow.objects.all().delete()
        everything(company, pools)
        rows = [figures.pool for figures in PoolNow.objects.select_related("pool")]
        plan = {"first": [], "firing": [0], "quiet": [0, 300], "resolving": [0, 300, 600]}[stage]
        for second in plan:
            for pool in rows:
                company.sample(pool, second, 12 if second < 600 else 1)
            company.evaluate(second + 5)
        last = {"first": 0, "firing": 300, "quiet": 300, "resolving": 1500}[stage]
        for pool in rows:
            company.sample(pool, last, 1 if stage == "resolving" else 12)
        with CaptureQueriesContext(connection) as queries:
            company.evaluate(last + 20)
        return len(queries)

    few, many = count(2), count(12)
    assert few == many
    assert many <= 45


@pytest.mark.django_db(transaction=True)
def test_four_evaluators_at_once_tell_once(transactional_db):
    from .conftest import Company

    company = Company()
    pools = [company.add_pool(f"Pool {number}") for number in range(5)]
    failures: list[BaseException] = []
    for second in (0, 300):
        for pool in pools:
            company.sample(pool, second, 9)
        barrier = threading.Barrier(4)

        def work(second: int = second, barrier: threading.Barrier = barrier) -> None:
            try:
                barrier.wait(10)
                evaluation.evaluate(moment(second + 5))
            except BaseException as error:  # noqa: BLE001 - told in the assertion
                failures.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failures == []
    assert Alert.objects.filter(state="firing").count() == 5
    assert Notification.objects.count() == 5
    assert FeatureFactory._meta.model.objects.count() == 5
