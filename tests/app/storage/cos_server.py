"""A stand-in for Tencent COS on loopback: one bucket, real q-sign checks, XML errors, and faults on demand.

Signature: XML API v5, https://cloud.tencent.com/document/product/436/7778
"""

import base64
import hashlib
import hmac
import socket
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

STATUSES = {
    "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403,
    "AccessDenied": 403,
    "RequestTimeTooSkewed": 403,
    "InvalidToken": 403,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "InvalidPart": 400,
    "BadDigest": 400,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}


def encoded(text):
    return quote(text, safe="-_.~")


def signature(secret_key, fields, method, path, params, headers):
    """What COS computes for the headers and parameters that ``fields`` names."""
    lines = []
    for listed, values in ((fields["q-url-param-list"], params), (fields["q-header-list"], headers)):
        known = {encoded(name).lower(): encoded(value) for name, value in values.items()}
        names = [name for name in listed.split(";") if name]
        if any(name not in known for name in names):
            return ""
        lines.append("&".join(f"{name}={known[name]}" for name in sorted(names)))
    text = f"{method.lower()}\n{path}\n{lines[0]}\n{lines[1]}\n"
    digest = hashlib.sha1(text.encode()).hexdigest()
    key = hmac.new(secret_key.encode(), fields["q-key-time"].encode(), "sha1").hexdigest()
    return hmac.new(key.encode(), f"sha1\n{fields['q-sign-time']}\n{digest}\n".encode(), "sha1").hexdigest()


@dataclass
class CosServer:
    """State of the bucket; change ``fault`` or ``now`` to make the next requests fail."""

    secret_id: str = "AKIDloopback"
    secret_key: str = "loopback-secret"
    token: str = ""
    fault: str = ""
    """A code of ``STATUSES``, or ``hang``, ``slow``, ``cut``, ``redirect``, ``garbage``, ``loop``."""
    now: float = 0.0
    """Seconds added to the clock."""
    page: int = 1000
    objects: dict = field(default_factory=dict)
    """key → (bytes, headers, modified)"""
    uploads: dict = field(default_factory=dict)
    """id → (key, headers, {number: bytes}) of what is sent in parts and not complete"""
    failing_part: int = 0
    """This part of a file is answered with 500."""
    requests: list = field(default_factory=list)
    """(method, path, headers) as they came."""
    released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"cos": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.domain = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def refusal(self, method, target, headers):
        """The error code of a request whose signature, time or token is wrong, or ''."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if "authorization" in headers:
            fields = dict(pair.split("=", 1) for pair in headers["authorization"].split("&"))
        else:
            fields = {name: query.pop(name) for name in list(query) if name.startswith("q-")}
        if set(fields) < {"q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature"}:
            return "AccessDenied"
        if fields["q-ak"] != self.secret_id:
            return "InvalidAccessKeyId"
        signed = headers | {"host": headers["host"].rpartition(":")[0]}  # the SDK signs the host without its port
        expected = signature(self.secret_key, fields, method, unquote(url.path), query, signed)
        if not hmac.compare_digest(expected, fields["q-signature"]):
            return "SignatureDoesNotMatch"
        begin, end = (int(number) for number in fields["q-sign-time"].split(";"))
        if not begin <= time.time() + self.now <= end:
            return "RequestTimeTooSkewed"
        if self.token and self.token != headers.get("x-cos-security-token", query.get("x-cos-security-token")):
            return "InvalidToken"
        return ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cos: CosServer

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers = {"Content-Type": "application/xml", "x-cos-request-id": "NjE0Test"} | headers
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, code):
        text = (
            f"<?xml version='1.0' encoding='utf-8' ?><Error><Code>{code}</Code><Message>{code} here</Message>"
            f"<Resource>{escape(self.path)}</Resource><RequestId>NjE0Test</RequestId><TraceId>T</TraceId></Error>"
        )
        self.answer(STATUSES[code], text.encode())

    def faulty(self):
        fault = self.cos.fault
        if fault in STATUSES:
            self.refuse(fault)
        elif fault == "hang":
            self.cos.released.wait(30)
            self.close_connection = True
        elif fault == "slow":
            self.cos.released.wait(1)
        elif fault == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault == "redirect":
            self.answer(301, Location="http://127.0.0.1:9/elsewhere")
        elif fault == "garbage":
            self.answer(200, b"<html>no bucket")
        return bool(fault) and fault not in ("loop", "slow")

    def do_any(self):
        cos = self.cos
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        cos.requests.append((self.command, self.path, headers))
        if self.faulty():
            return
        code = cos.refusal(self.command, self.path, headers)
        if code:
            self.refuse(code)
            return
        url = urlsplit(self.path)
        key, query = unquote(url.path)[1:], dict(parse_qsl(url.query, keep_blank_values=True))
        if "uploads" in query or "uploadId" in query:
            self.in_parts(key, query, headers, body)
        elif self.command == "GET" and not key:
            self.list_objects()
        else:
            getattr(self, f"{self.command.lower()}_object")(key, headers, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any

    def in_parts(self, key, query, headers, body):
        """Multipart upload: https://cloud.tencent.com/document/product/436/14112"""
        upload = query.get("uploadId", "")
        if "uploads" in query:
            self.list_uploads(query) if self.command == "GET" else self.begin_upload(key, headers)
        elif self.cos.uploads.get(upload, ("",))[0] != key:
            self.refuse("NoSuchUpload")
        elif self.command == "PUT":
            self.put_part(upload, int(query["partNumber"]), headers, body)
        elif self.command == "GET":
            self.list_parts(upload)
        else:
            self.complete(upload, body)

    def begin_upload(self, key, headers):
        upload = f"1700{len(self.cos.requests)}"
        self.cos.uploads[upload] = (key, self.kept(headers), {})
        self.told("InitiateMultipartUploadResult", f"<Key>{encoded(key)}</Key><UploadId>{upload}</UploadId>")

    def put_part(self, upload, number, headers, body):
        digest = hashlib.md5(body).digest()
        if number == self.cos.failing_part:
            self.refuse("InternalError")
        elif headers.get("content-md5") != base64.b64encode(digest).decode():
            self.refuse("BadDigest")
        else:
            self.cos.uploads[upload][2][number] = body
            self.answer(200, ETag=f'"{digest.hex()}"')

    def list_uploads(self, query):
        known = [(upload, key) for upload, (key, _, _) in self.cos.uploads.items() if key.startswith(query["prefix"])]
        items = "".join(f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId></Upload>" for upload, key in known)
        self.told("ListMultipartUploadsResult", f"<IsTruncated>false</IsTruncated>{items}")

    def list_parts(self, upload):
        items = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{hashlib.md5(part).hexdigest()}"</ETag>'
            f"<Size>{len(part)}</Size></Part>"
            for number, part in sorted(self.cos.uploads[upload][2].items())
        )
        self.told("ListPartsResult", f"<IsTruncated>false</IsTruncated>{items}")

    def complete(self, upload, body):
        key, headers, parts = self.cos.uploads[upload]
        named = {
            int(part.findtext("PartNumber")): part.findtext("ETag").strip('"') for part in fromstring(body).iter("Part")
        }
        if named != {number: hashlib.md5(part).hexdigest() for number, part in parts.items()}:
            self.refuse("InvalidPart")
            return
        del self.cos.uploads[upload]
        whole = b"".join(parts[number] for number in sorted(parts))
        self.cos.objects[key] = (whole, headers, 1_800_000_000 + len(self.cos.objects))
        self.told("CompleteMultipartUploadResult", f'<Key>{encoded(key)}</Key><ETag>"x-{len(parts)}"</ETag>')

    def told(self, name, content):
        self.answer(200, f"<{name}>{content}</{name}>".encode())

    def kept(self, headers):
        return {name: headers[name] for name in ("content-type", "cache-control") if name in headers}

    def put_object(self, key, headers, body):
        digest = hashlib.md5(body).digest()
        if headers.get("content-md5") != base64.b64encode(digest).decode():
            self.refuse("BadDigest")
            return
        kept = self.kept(headers)
        self.cos.objects[key] = (body, kept, 1_800_000_000 + len(self.cos.objects))
        self.answer(200, ETag=f'"{digest.hex()}"')

    def get_object(self, key, _headers, _body):
        if key not in self.cos.objects:
            self.refuse("NoSuchKey")
            return
        body, headers, modified = self.cos.objects[key]
        fields = {"Content-Type": headers["content-type"], "Last-Modified": formatdate(modified, usegmt=True)}
        self.answer(200, body, **fields)

    head_object = get_object

    def delete_object(self, key, _headers, _body):
        self.cos.objects.pop(key, None)
        self.answer(204)

    def list_objects(self):
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        keys = sorted(key for key in self.cos.objects if key.startswith(query["prefix"]) and key > query["marker"])
        if self.cos.fault == "loop":
            keys = sorted(self.cos.objects)
        page = keys[: min(self.cos.page, int(query["max-keys"]))]
        more = len(keys) > len(page) or self.cos.fault == "loop"
        items = "".join(
            f"<Contents><Key>{encoded(key)}</Key><Size>{len(self.cos.objects[key][0])}</Size><LastModified>"
            f"{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(self.cos.objects[key][2]))}</LastModified>"
            "</Contents>"
            for key in page
        )
        following = f"<NextMarker>{encoded(page[-1])}</NextMarker>" if more and page else ""
        text = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{following}{items}</ListBucketResult>"
        self.answer(200, text.encode())
