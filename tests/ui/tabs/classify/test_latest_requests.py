"""Only a session's newest request goes on."""

from __future__ import annotations

from resnet_demo.ui.tabs.classify.latest_requests import MOST_SESSIONS, LatestRequests


def test_a_newer_request_ends_the_older_of_the_same_session() -> None:
    requests = LatestRequests()
    first, other = requests.begin("a"), requests.begin("b")
    assert first.is_newest
    second = requests.begin("a")
    assert (first.is_newest, second.is_newest, other.is_newest) == (False, True, True)
    requests.end("a")
    requests.end("nobody")
    assert (second.is_newest, other.is_newest) == (False, True)


def test_those_who_asked_longest_ago_are_forgotten() -> None:
    requests = LatestRequests()
    first, second = requests.begin("first"), requests.begin("second")
    again = requests.begin("first")
    for number in range(MOST_SESSIONS - 1):
        requests.begin(str(number))
    assert (first.is_newest, second.is_newest, again.is_newest) == (False, False, True)


def test_a_visitor_stops_the_newest_request_alone() -> None:
    requests = LatestRequests()
    first, other = requests.begin("a"), requests.begin("b")
    requests.stop("a")
    requests.stop("nobody")
    assert (first.goes_on, first.is_newest, other.goes_on) == (False, True, True)
    assert requests.begin("a").goes_on
