"""A small RTSP server for tests: a sender (ANNOUNCE, RECORD) and watchers (DESCRIBE, PLAY), over TCP."""

import re
import socket
from threading import Condition, Thread


class RtspServer:
    """Listens on a free port of the loopback; what the sender sends goes to every watcher as it is."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/show"
        self._changed = Condition()
        self._description = b""
        self._watchers: list[socket.socket] = []
        self._sockets: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        tracks = 0
        try:
            while first := stream.read(1):
                if first == b"$":  # a packet: channel, length, data
                    head = stream.read(3)
                    data = first + head + stream.read(int.from_bytes(head[1:], "big"))
                    with self._changed:
                        for watcher in self._watchers:
                            watcher.sendall(data)
                    continue
                lines = (first + stream.readline()).decode(), *iter(lambda: stream.readline().decode().strip(), "")
                method = lines[0].split()[0]
                head = dict(re.split(r":\s*", line, maxsplit=1) for line in lines[1:])
                body = stream.read(int(head.get("Content-Length", 0)))
                extra, answer = "", b""
                if method == "ANNOUNCE":
                    with self._changed:
                        self._description = body
                        self._changed.notify_all()
                elif method == "DESCRIBE":
                    with self._changed:
                        self._changed.wait_for(lambda: self._description, 10)
                        answer = self._description
                    extra = f"Content-Type: application/sdp\r\nContent-Length: {len(answer)}\r\n"
                elif method == "SETUP":
                    extra = f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * tracks}-{2 * tracks + 1}\r\n"
                    tracks += 1
                reply = f"RTSP/1.0 200 OK\r\nCSeq: {head['CSeq']}\r\nSession: 1\r\n{extra}\r\n"
                with self._changed:
                    client.sendall(reply.encode() + answer)
                    if method == "PLAY":
                        self._watchers.append(client)
        except OSError:
            pass
        finally:
            with self._changed:
                if client in self._watchers:
                    self._watchers.remove(client)
            client.close()
