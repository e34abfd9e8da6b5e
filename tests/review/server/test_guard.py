import pytest
from starlette.testclient import TestClient
from tests.review.server.conftest import HOST, PORT, POSTED, TOKEN

from lesionkit.review.server.app import make_app


def asked(session, path, method="GET", **headers):
    with TestClient(make_app(session, TOKEN, PORT), base_url=f"http://{HOST}") as client:
        return client.request(method, path, headers=headers)


def test_the_page_is_given_to_who_has_the_address(session):
    answer = asked(session, f"/{TOKEN}/")
    assert answer.status_code == 200
    assert "Research use, not a medical device" in answer.text


@pytest.mark.parametrize("path", ["/", "/api/session", "/secre/", "/secret2/api/session", "//secret/", "/SECRET/"])
def test_a_wrong_token_is_refused_and_told(session, path):
    answer = asked(session, path)
    assert (answer.status_code, "wrong or an old token" in answer.text) == (403, True)


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", ""])
def test_another_host_is_refused_as_dns_rebinding_needs_one(session, host):
    answer = asked(session, f"/{TOKEN}/", host=host)
    assert (answer.status_code, "answers to 127.0.0.1 only" in answer.text) == (403, True)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://{HOST}", f"http://{HOST}.evil.example"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused(session, origin, method):
    answer = asked(session, f"/{TOKEN}/api/decide", method, origin=origin)
    assert (answer.status_code, "takes decisions from itself only" in answer.text) == (403, True)


def test_what_changes_something_must_say_where_it_comes_from(session):
    assert asked(session, f"/{TOKEN}/api/decide", "POST").status_code == 403
    assert asked(session, f"/{TOKEN}/api/decide", "POST", **POSTED).status_code == 400


def test_every_answer_forbids_what_a_page_of_another_site_may_do(session):
    for path in (f"/{TOKEN}/", "/wrong"):
        headers = asked(session, path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
