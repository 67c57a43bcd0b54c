"""Another's reading of it: the Python package `proxy-protocol`."""
import json, sys
from proxyprotocol.v2 import ProxyProtocolV2
data = sys.stdin.buffer.read()
length = 16 + int.from_bytes(data[14:16], "big")
result = ProxyProtocolV2().unpack(data[:length])
ssl = result.tlv.ssl
print(json.dumps({
    "source": f"{result.source[0]}:{result.source[1]}", "destination": f"{result.dest[0]}:{result.dest[1]}",
    "authority": result.tlv.authority, "alpn": (result.tlv.alpn or b"").decode(),
    "unique_id": result.tlv.unique_id.decode(), "certificate": result.tlv.get(0xe5, b"").hex(),
    "ssl": ssl.has_ssl, "conn": ssl.has_cert_conn, "sess": ssl.has_cert_sess, "verify": ssl.verify,
    "version": ssl.version, "cn": ssl.cn, "cipher": ssl.cipher, "sig_alg": ssl.sig_alg, "key_alg": ssl.key_alg,
    "rest": data[length:].hex(), "has_ssl": 0x20 in result.tlv,
}))
