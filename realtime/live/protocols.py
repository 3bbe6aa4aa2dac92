"""Which network protocols the FFmpeg inside PyAV knows."""

from functools import lru_cache

import av

__all__ = ["carries"]


@lru_cache(maxsize=16)
def carries(scheme: str) -> bool:
    """Whether the FFmpeg inside PyAV knows this protocol: its wheels know rtmp, rtsp, udp and http, but no srt."""
    if scheme.startswith("rtsp"):
        return True  # that is a format to FFmpeg
    try:
        av.open(f"{scheme}://", "r", format="mpegts", timeout=0.01).close()
    except av.error.ProtocolNotFoundError:
        return False
    except (av.error.FFmpegError, OSError):
        return True  # it knows what to do, and this address is no good
    return True
