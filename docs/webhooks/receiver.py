"""A receiver of webhooks: verifies NexHealth's signature, answers at once, and keeps each message once.

Run it: SECRET_KEY=... PORT=8080 python3 receiver.py   (Python 3.9 or newer, no packages)
"""
import base64
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("SECRET_KEY", "").encode()
seen = set()  # yours: a table with webhook-id as its unique key


def is_genuine(headers, body: bytes) -> bool:
    """hex(HMAC-SHA256(secret_key, timestamp + "." + base64(body))), as NexHealth signs."""
    signed = f"{headers.get('timestamp', '')}.{base64.b64encode(body).decode()}"
    wanted = hmac.new(SECRET, signed.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, headers.get("signature", ""))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))  # the bytes as they came
        if not is_genuine(self.headers, body):
            self.answer(401)
            return
        message = self.headers["webhook-id"]
        if message not in seen:
            seen.add(message)
            told = json.loads(body)
            sys.stdout.write(f"{told['event_name']} {','.join(told['data'])}\n")
            sys.stdout.flush()
        self.answer(204)  # any 2xx; answer first, work afterwards

    def answer(self, status: int):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever()
