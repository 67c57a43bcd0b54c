"""A device by paho-mqtt: connects, subscribes, and publishes a message of some size to itself."""
import json, ssl, sys, threading
import paho.mqtt.client as mqtt
port, ca, certificate, key, version, client_id, username, size = sys.argv[1:]
class Named(ssl.SSLContext):
    def wrap_socket(self, *arguments, **named):
        named["server_hostname"] = "iot.example.com"
        return super().wrap_socket(*arguments, **named)
tls = Named(ssl.PROTOCOL_TLS_CLIENT)
tls.load_verify_locations(ca)
tls.load_cert_chain(certificate, key)
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=int(version), reconnect_on_failure=False)
client.tls_set_context(tls)
if username:
    client.username_pw_set(username, "secret")
events, done = [], threading.Event()
def connected(client, data, flags, reason, properties):
    events.append(["connack", reason.value])
    client.subscribe("echo/#") if reason.value == 0 else done.set()
def message(client, data, message):
    events.append(["message", len(message.payload)])
    done.set()
def disconnected(client, data, flags, reason, properties):
    if not done.is_set():
        events.append(["disconnect", reason.value])
    done.set()
client.on_connect, client.on_message, client.on_disconnect = connected, message, disconnected
client.on_subscribe = lambda *_: client.publish("echo/x", b"x" * int(size))
client.connect("127.0.0.1", int(port))
client.loop_start()
done.wait(20)
client.on_disconnect = None
client.disconnect()
client.loop_stop()
print(json.dumps(events))
