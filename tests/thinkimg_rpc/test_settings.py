"""What the processes of a mesh are told when they start."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from thinkimg_rpc.settings import (
    SETTINGS_VARIABLE,
    CannotStart,
    HubSettings,
    LimitSettings,
    TlsSettings,
    WorkerSettings,
    from_environment,
    is_loopback,
)


@pytest.mark.parametrize(
    "settings",
    [
        HubSettings(address="127.0.0.1:1", token="t", tls=TlsSettings(ca="ca.pem", mutual=True)),
        WorkerSettings(id="a-0", tools=("a:B", "c:D"), limits=LimitSettings(queue_length=3)),
    ],
)
def test_settings_reach_a_process_through_its_environment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS_VARIABLE, msgspec.json.encode(settings).decode())

    assert from_environment(type(settings)) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "thinkimg serve"),
        ("{", "truncated"),
        ('{"id": "a", "tools": [], "colour": 1}', "colour"),
        ('{"tools": []}', "id"),
        ('{"id": "a", "tools": "a:B"}', "tools"),
        ('{"id": "a", "tools": [], "limits": {"queue_length": "3"}}', "queue_length"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_what_is_wrong(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS_VARIABLE, text)

    with pytest.raises(CannotStart, match=words) as caught:
        from_environment(WorkerSettings)
    assert SETTINGS_VARIABLE in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:50051", True),
        ("localhost:0", True),
        ("[::1]:50051", True),
        ("0.0.0.0:50051", False),
        ("[::]:50051", False),
        ("localhost.example.org:50051", False),
        ("127.0.0.1.example.org:50051", False),
        ("50051", False),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
