"""A program of its own that carries an encoded stream to the network, from its standard input to an address.

Connecting and writing may block for as long as the other end likes. In PyAV that would stop every thread of the
process (an output is opened and finished without letting go of the interpreter), so the network is left to a process
that can be killed at any moment. It is run as a script, and imports PyAV and nothing else.

The input is a sample, a whole NUT file in a few hundred bytes that tells the streams' parameters, after its length (32
bits, big-endian); and then the stream as NUT. So the connection is made before there is anything to send.
"""

import os
import socket
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final

import av

__all__ = ["ADDRESS", "READY", "main"]

#: The variable with the address: command lines can be read by everybody, and addresses hold stream keys.
ADDRESS: Final = "MUMMER_MUX_ADDRESS"
#: The line that says that the other end takes the stream.
READY: Final = "ready"

#: All parameters are in NUT's header: nothing is to be guessed from packets, and nothing is to wait.
_AT_ONCE: Final = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0"}
#: Packets go out as they come: no picture waits for sound that does not come.
_ALWAYS: Final = {"flush_packets": "1", "max_interleave_delta": "1"}
#: Each piece of sound by itself: silence is small, and would be gathered for a third of a second.
_TS: Final = {"pes_payload_size": "0"}
#: Muxer and its options, by scheme.
_MUXERS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "rtmp": ("flv", {"flvflags": "no_duration_filesize"}),
    "rtmps": ("flv", {"flvflags": "no_duration_filesize"}),
    "rtsp": ("rtsp", {"rtsp_transport": "tcp"}),
    "rtsps": ("rtsp", {"rtsp_transport": "tcp"}),
    "srt": ("mpegts", _TS),
    "udp": ("mpegts", _TS),
}
#: Linux's TCP_NOTSENT_LOWAT, which older Pythons do not name, and the bytes that may wait to be sent.
_UNSENT_OPTION: Final = 25
_UNSENT: Final = 32_768


def main() -> int:
    """Carry until the input ends; 0 then, 1 with a line on stderr where the other end refuses or goes."""
    address = os.environ[ADDRESS]
    muxer, options = _MUXERS[address.partition(":")[0].lower()]
    try:
        size = int.from_bytes(os.read(0, 4), "big")
        sink = av.open(address, "w", format=muxer, container_options=_ALWAYS | options)
        with av.open(BytesIO(_read(size)), "r", format="nut", container_options=_AT_ONCE) as sample:
            streams = [sink.add_stream_from_template(stream) for stream in sample.streams]
            sink.metadata.update(sample.metadata)
        sink.start_encoding()
        _hold_little()
        print(READY, file=sys.stderr, flush=True)
        with av.open("pipe:0", "r", format="nut", container_options=_AT_ONCE) as source:
            for packet in source.demux():
                if packet.size:
                    packet.stream = streams[packet.stream.index]
                    sink.mux_one(packet)
        sink.close()
    except (av.error.FFmpegError, OSError) as error:
        print((error.strerror or str(error)).lower(), file=sys.stderr, flush=True)
        os._exit(1)  # what PyAV would still do at the exit, like saying goodbye to nobody, may block
    return 0


def _hold_little() -> None:
    """Have the system hold little that the network has not taken: megabytes would wait there, late, and nobody knew."""
    if sys.platform != "linux":
        return
    for each in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError), socket.socket(fileno=os.dup(int(each.name))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, _UNSENT_OPTION, _UNSENT)


def _read(size: int) -> bytes:
    """So many bytes of the input, and not one more: the rest is read by FFmpeg."""
    data = b""
    while len(data) < size and (part := os.read(0, size - len(data))):
        data += part
    return data


if __name__ == "__main__":
    sys.exit(main())
