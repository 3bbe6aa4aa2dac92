"""What is shown of addresses: enough to know them by, and no secret."""

import pytest

from realtime.runtime.errors import InputError
from realtime.runtime.redaction import redacted, secrets_of, shown


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("0", "0"),
        ("/dev/video0", "/dev/video0"),
        ("talk?v=2.mp4", "talk?v=2.mp4"),
        ("virtualcam:/dev/video1", "virtualcam:/dev/video1"),
        ("null:", "null:"),
        ("camera:FaceTime HD", "camera:FaceTime HD"),
        ("srt://studio:9000", "srt://studio:9000"),
        ("udp://@:5000?pkt_size=1316", "udp://@:5000?pkt_size=1316"),
        ("rtmp://live.example/app/abcd-efgh", "rtmp://live.example/app/***"),
        ("rtmp://live.example/abcd", "rtmp://live.example/***"),
        ("RTMP://live.example/app/abcd", "RTMP://live.example/app/***"),
        ("rtmp:live.example/app/abcd", "rtmp:live.example/app/***"),
        ("rtmp://0.0.0.0:1935/live/x?listen=1", "rtmp://0.0.0.0:1935/live/***?listen=1"),
        ("rtsp://root:Geheim1@cam:554/stream", "rtsp://***@cam:554/***"),
        ("rtsp://[::1]:554/stream", "rtsp://[::1]:554/***"),
        ("rtsp://cam/user=admin_password=Geheim1/1", "rtsp://cam/***/***"),
        ("rtmp://root:Ge/hei@m@host/app/key", "rtmp://***"),
        ("srt://h:9000?mode=caller&passphrase=Geheim1", "srt://h:9000?mode=caller&passphrase=***"),
        ("srt://h:9000?streamid=#!::u=me,r=live", "srt://h:9000?streamid=***#***"),
        ("srt://h:9000?Geheim1", "srt://h:9000?***"),
        ("http://h/hls/8f14e45fceea167a5a36/index.m3u8?token=5", "http://h/hls/***/***?token=***"),
        ("http://h/a?timeout=Geheim1Geheim1Geheim1", "http://h/***?timeout=***"),
        (" rtmp://root:Geheim1@h/app/key", " rtmp://***@h/app/***"),
    ],
)
def test_what_is_shown_of_an_address(address: str, seen: str) -> None:
    assert shown(address) == seen
    assert shown(seen) == seen
    for secret in secrets_of(address):
        assert len(secret) < 3 or secret not in seen


def test_texts_of_others_lose_whole_addresses_and_parts_of_them_in_any_case() -> None:
    address = "rtmp://root:Ge%20heim@h:1935/app/Schlüssel9?token=T0ken"
    text = f"error opening output {address}: publish of schlüssel9 refused for ROOT (ge heim); t0ken, tcp://h:1935?x=y."
    assert redacted(text, address) == (
        "error opening output rtmp://***@h:1935/app/***?token=***: publish of *** refused for *** (***); ***,"
        " tcp://h:1935?x=***."
    )
    assert redacted("no port 1 in 10.0.0.1", "rtmp://10.0.0.1/live/1") == "no port 1 in 10.0.0.1"


def test_no_error_of_ours_can_show_one() -> None:
    error = InputError("rtsp://root:Geheim1@cam/x: gone; give rtsp://HOST... or http://localhost:8080/")
    assert str(error) == "rtsp://***@cam/***: gone; give rtsp://HOST... or http://localhost:8080/"
