"""gRPC by grpcio: an echo as the origin, and a device that calls it. Messages are bytes: no code is generated.

grpc_echo.py origin [CERTIFICATE KEY CA]   prints its port; with files it speaks TLS and wants a client's certificate
grpc_echo.py device PORT CA CERTIFICATE KEY WHAT   prints one JSON document
"""

import json
import sys
import threading
from concurrent import futures

import grpc

HOST = "iot.example.com"
PIECE = b"x" * 65536


def read(path):
    with open(path, "rb") as file:
        return file.read()


def unary(request, context):
    context.send_initial_metadata((("x-initial", "there"),))
    metadata = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-trailing", "there"), ("x-device", metadata.get("cf-client-cert-sha256", "none"))))
    return request


def refuse(request, context):
    # No message comes before it: the status is in the head of the response, which is all that there is.
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: 100 %")


def both(requests, context):
    for request in requests:
        yield request


def slow(requests, context):
    """Takes one message, says so, and takes the others only once the device says so by another call."""
    yield next(requests)
    RELEASED.wait()
    yield str(sum(len(request) for request in requests)).encode()


def release(request, context):
    RELEASED.set()
    return b""


def held(requests, context):
    """Never ends by itself."""
    context.add_callback(CANCELLED.set)
    yield next(requests)
    CANCELLED.wait()


def cancelled(request, context):
    return str(CANCELLED.wait(20)).encode()


RELEASED, CANCELLED = threading.Event(), threading.Event()


def origin(*tls):
    unary_handler, stream_handler = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    methods = {
        "Unary": unary_handler(unary),
        "Refuse": unary_handler(refuse),
        "Release": unary_handler(release),
        "Cancelled": unary_handler(cancelled),
        "Held": stream_handler(held),
        "Both": stream_handler(both),
        "Slow": stream_handler(slow),
    }
    # Its windows stay as they are: grpcio widens them to megabytes where bytes come fast.
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.http2.bdp_probe", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Echo", methods),))
    if tls:
        certificate, key, ca = map(read, tls)
        credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def call_unary(channel):
    answer, call = channel.unary_unary("/Echo/Unary").with_call(b"hello", timeout=20)
    initial, trailing = dict(call.initial_metadata()), dict(call.trailing_metadata())
    return [answer.decode(), initial.get("x-initial"), trailing.get("x-trailing"), trailing.get("x-device"), call.code().name]


def call_refuse(channel):
    return status(lambda: channel.unary_unary("/Echo/Refuse")(b"", timeout=20))


def call_unknown(channel):
    return status(lambda: channel.unary_unary("/Echo/Unknown")(b"", timeout=20))


def status(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]


def call_both(channel):
    """Each message is sent once the one before has come back: neither side waits for the other's end."""
    answered = threading.Semaphore(1)

    def messages():
        for number in range(20):
            answered.acquire()
            yield str(number).encode()

    answers = []
    for answer in channel.stream_stream("/Echo/Both")(messages(), timeout=20):
        answers.append(int(answer))
        answered.release()
    return answers == list(range(20))


def call_cancel(channel):
    """Whether the origin hears that the device has lost interest."""
    call = channel.stream_stream("/Echo/Held")(iter([b"x"]), timeout=60)
    next(call)
    call.cancel()
    return channel.unary_unary("/Echo/Cancelled")(b"", timeout=30).decode()


def call_slow(channel):
    """How many of a thousand messages are taken from a device before its origin takes them."""
    taken = 0

    def messages():
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield PIECE

    answers = channel.stream_stream("/Echo/Slow")(messages(), timeout=60)
    first = len(next(answers))
    # Until nothing has moved for a while. Too short a while finds fewer than there would be, never more.
    seen, quiet = -1, threading.Event()
    while seen != taken:
        seen = taken
        quiet.wait(1)
    channel.unary_unary("/Echo/Release")(b"", timeout=20)
    return {"first": first, "held": seen, "rest": int(next(answers))}


def device(port, ca, certificate, key, what):
    identity = (read(key), read(certificate)) if certificate else (None, None)
    credentials = grpc.ssl_channel_credentials(read(ca), *identity)
    options = [("grpc.ssl_target_name_override", HOST), ("grpc.default_authority", HOST)]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        print(json.dumps(globals()["call_" + what](channel)))


globals()[sys.argv[1]](*sys.argv[2:])
