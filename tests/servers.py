"""Real servers on loopback, each a process group that can be killed and started again.

`python tests/servers.py ssh FOLDER PORT USER PASSWORD`, or webdav, serves FOLDER in the foreground.
"""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

USER, PASSWORD = "milpa:tester", "ātl-ውሃ-bishaan"
PORTS = 4  # that a server may take, from its own on


@dataclass
class Server:
    """A program that serves a folder on a port of loopback."""

    folder: Path
    command: list[str]
    port: int
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        self.process = subprocess.Popen(
            self.command, stdout=log, stderr=log, start_new_session=True
        )
        until = time.monotonic() + 30
        while not listens(self.port):
            assert self.process.poll() is None, Path(log.name).read_text()[-2000:]
            assert time.monotonic() < until, f"{self.command} does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it and all that it started, at once."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def free_port() -> int:
    """A port that is free, as are the next ones."""
    while True:
        with contextlib.ExitStack() as open_ports, contextlib.suppress(OSError):
            first = open_ports.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = first.getsockname()[1]
            for number in range(1, PORTS):
                open_ports.enter_context(socket.create_server(("127.0.0.1", port + number)))
            return port


@dataclass
class Relay:
    """What passes on bytes between a client and a server, until there were too many."""

    to: int
    most_bytes: int | None = None
    then: Callable[[], None] = print
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    def counted(self, size: int) -> bool:
        """Whether these bytes may still pass; the first ones that may not have `then` called."""
        with self.lock:
            self.passed += size
            if self.most_bytes is None or self.passed <= self.most_bytes:
                return True
            self.most_bytes = None
            self.then()
            return False


@contextlib.contextmanager
def relay(to: int) -> Iterator[Relay]:
    """A relay before the port of a server."""
    state = Relay(to)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                server = socket.create_connection(("127.0.0.1", to))
                back = threading.Thread(target=pump, args=(server, self.request, state))
                back.start()
                pump(self.request, server, state)
                back.join()
                server.close()

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Threads(("127.0.0.1", 0), Handler) as listener:
        state.port = listener.server_address[1]
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield state
        finally:
            listener.shutdown()


def pump(source: socket.socket, target: socket.socket, state: Relay) -> None:
    """Pass on what comes until either end is closed; then close the way."""
    with contextlib.suppress(OSError):
        while (data := source.recv(16384)) and state.counted(len(data)):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def ssh(folder: Path, port: int, user: str, password: str) -> None:
    """An SSH server with SFTP and a password, by asyncssh; its root is the folder."""
    import asyncio

    import asyncssh

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == (user, password)

    async def serve() -> None:
        await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=Door,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )
        await asyncio.Event().wait()

    asyncio.run(serve())


def webdav(folder: Path, port: int, user: str, password: str) -> None:
    """A WebDAV server with a password, by WsgiDAV; it answers plain HTTP reads too."""
    from cheroot.wsgi import Server
    from wsgidav.wsgidav_app import WsgiDAVApp

    settings = {
        "provider_mapping": {"/": str(folder)},
        "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False},
        "logging": {"enable": True},
        "hotfixes": {"treat_root_options_as_asterisk": False},
        "fs_dav_provider": {"follow_symlinks": False},
    }
    Server(("127.0.0.1", port), WsgiDAVApp(settings)).start()


if __name__ == "__main__":
    {"ssh": ssh, "webdav": webdav}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
