"""The web server's socket."""

import asyncio
import socket

from realtime.serve.server import listen


def test_an_answer_does_not_wait_for_the_word_that_its_head_arrived() -> None:
    """Its head and its body are two writes: Nagle's algorithm would hold the second one back for 40 ms."""

    async def delays() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await accepted

    assert asyncio.run(delays()) != 0
