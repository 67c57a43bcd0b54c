"""A WebSocket client on the library `websockets`, and an origin on the same.

websocket_device.py origin [CERTIFICATE KEY]
                                prints its port, then {"opened": PATH, "headers": {...}} and {"closed": CODE} as they come.
                                It echoes; the message "close" has it close with 4001.
websocket_device.py device PORT CA CERTIFICATE KEY URL WHAT
                                prints one JSON document
"""

import json
import socket
import ssl
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

LIMIT = 64 << 20


def tell(what):
    print(json.dumps(what), flush=True)


def origin(*files):
    def handle(peer):
        tell({"opened": peer.request.path, "headers": dict(peer.request.headers.raw_items())})
        try:
            for message in peer:
                if message == "close":
                    peer.close(4001, "as you wish")
                    break
                peer.send(message)
        except ConnectionClosed:
            pass
        closed = peer.protocol.close_rcvd
        tell({"closed": closed.code if closed else "lost"})

    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        context.set_alpn_protocols(["http/1.1"])
    with serve(handle, "127.0.0.1", 0, ssl=context, max_size=LIMIT, ping_interval=None) as server:
        print(server.socket.getsockname()[1], flush=True)
        server.serve_forever()


def opened(port, ca, certificate, key, url):
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    raw = socket.create_connection(("127.0.0.1", int(port)))
    return connect(url, sock=raw, ssl=context, compression=None, max_size=LIMIT, ping_interval=None)


def echo(peer):
    text, binary = "grüezi", bytes(range(256)) * 4
    peer.send(text)
    peer.send(binary)
    result = [peer.recv() == text, peer.recv() == binary]
    peer.close(4000, "done")
    return result


def big(peer):
    """Frames that no buffer on the way holds. One after the other: the library does not read while it writes."""
    message, result = bytes(range(251)) * 33000, []
    for _ in range(3):
        peer.send(message)
        result.append(peer.recv() == message)
    return result


def closed_by_origin(peer):
    peer.send("close")
    return until_closed(peer)


def until_closed(peer):
    try:
        while True:
            # One that should have been closed by now is a failure.
            peer.recv(timeout=25)
    except ConnectionClosed as closed:
        return {"code": closed.rcvd and closed.rcvd.code}


def wait(peer):
    peer.send("hello")
    tell({"echo": peer.recv()})
    return until_closed(peer)


def device(*arguments):
    *where, what = arguments
    try:
        with opened(*where) as peer:
            tell(globals()[what](peer))
    except InvalidStatus as refused:
        tell({"status": refused.response.status_code})


globals()[sys.argv[1]](*sys.argv[2:])
