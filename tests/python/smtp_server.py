"""A mail server by aiosmtpd, which takes mail from whoever knows the password, and only over TLS.

smtp_server.py CERTIFICATE KEY starttls|tls   prints its port, and then each mail as a line of JSON
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {name: mail[name] for name in ("From", "To", "Subject", "Message-ID")}
        told["recipients"] = envelope.rcpt_tos
        told["text"] = mail.get_content()
        told["tls"] = session.ssl is not None or IS_TLS
        print(json.dumps(told), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"fleetgate", b"p4ssword")
    return AuthResult(success=known)


warnings.simplefilter("ignore")
certificate, key, way = sys.argv[1:]
IS_TLS = way == "tls"
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)


def protocol():
    tls = {} if IS_TLS else {"tls_context": context, "require_starttls": True}
    return SMTP(
        Handler(), hostname="localhost", authenticator=authenticate, auth_required=True, auth_require_tls=not IS_TLS, **tls
    )


async def serve():
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=context if IS_TLS else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
