"""A collector of OTLP/HTTP: what does not follow the schema is refused, the rest is printed, a line of JSON for each request.
The first requests are answered 503 where the second argument says how many."""

import http.server
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

busy = int(sys.argv[2]) if len(sys.argv) > 2 else 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global busy
        content = self.rfile.read(int(self.headers["Content-Length"]))
        status, line = 200, {"path": self.path, "key": self.headers.get("X-Key")}
        try:
            parsed = json_format.Parse(content, ExportTraceServiceRequest())
            line["parsed"] = sum(len(scope.spans) for resource in parsed.resource_spans for scope in resource.scope_spans)
            resource = json.loads(content)["resourceSpans"][0]
            line["service"] = resource["resource"]["attributes"][0]["value"]["stringValue"]
            line["spans"] = resource["scopeSpans"][0]["spans"]
        except Exception as error:
            status, line = 400, {"error": repr(error)}
        if busy > 0:
            busy, status, line = busy - 1, 503, {"busy": True}
        print(json.dumps(line), flush=True)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
