"""Cloudflare's Python client, call by call: sdk.py URL TOKEN. A JSON object a line says the call; a JSON object a line, its result.

Every result is validated against the type that the client declares for it, which it does not do by itself.
"""

import json
import sys

import cloudflare
from cloudflare import BaseModel

requests = 0


def count(_request):
    global requests
    requests += 1


url, token = sys.argv[1:]
client = cloudflare.Cloudflare(
    api_token=token,
    base_url=url,
    http_client=cloudflare.DefaultHttpxClient(event_hooks={"request": [count]}),
)


def plain(value):
    # A page is a model, too, and goes on to the next ones.
    if isinstance(value, BaseModel) and not hasattr(value, "iter_pages"):
        text = value.model_dump_json(by_alias=True)
        type(value).model_validate_json(text)
        return json.loads(text)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def run(call):
    found = client
    for name in call["path"].split("."):
        found = getattr(found, name)
    return plain(found(*call["arguments"], **call["named"]))


for line in sys.stdin:
    requests = 0
    try:
        answer = {"result": run(json.loads(line))}
    except cloudflare.APIStatusError as error:
        codes = [one.code for one in error.errors]
        answer = {"status": error.status_code, "code": codes[0] if codes else None, "error": str(error)}
    except Exception as error:  # noqa: BLE001
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({**answer, "requests": requests}), flush=True)
