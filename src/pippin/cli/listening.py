"""The listening sockets, bound before any model is loaded: a taken port is told at once."""

import errno
import os
import socket
from typing import cast

Address = tuple[str | int, ...]

HINTS = {
    errno.EADDRINUSE: "another program listens there; end it, or choose another --port",
    errno.EACCES: "ports below 1024 need privileges; choose a higher --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose another --host",
}


class CannotListen(Exception):
    """In words for the operator, with what to do next."""


def listen(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address of the host. Port 0: the same free port for all of them.

    Raises:
        CannotListen: unknown host, taken port, foreign address, missing privilege.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host.strip("[]"), port):
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(family, (address[0], chosen, *address[2:])))
    except OSError as error:
        for one in sockets:
            one.close()
        hint = HINTS.get(error.errno or 0, os.strerror(error.errno or 0))
        raise CannotListen(f"cannot listen on {host} port {port}: {hint}") from error
    return sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, Address]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(f"{host!r} is no address and no known host name") from error
    return list(dict.fromkeys((one[0], cast(Address, one[4])) for one in found))


def _bound(family: socket.AddressFamily, address: Address) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen()
    except OSError:
        one.close()
        raise
    one.setblocking(False)
    return one
