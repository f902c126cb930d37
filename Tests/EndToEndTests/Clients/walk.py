"""A person at a browser without scripts: walks the real login and consent pages and allows.

Only the standard library, so that every environment of the tests can use it.
"""

import html.parser
import http.client
import json
import socket
import sys
import urllib.parse


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, method and the fields with their types."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.found.append({"action": attributes.get("action", ""), "fields": []})
        elif tag in ("input", "button") and self.found and attributes.get("name"):
            self.found[-1]["fields"].append(
                [attributes["name"], attributes.get("value") or "", attributes.get("type", "text")]
            )


class Browser:
    """Keeps cookies and follows redirects within one origin."""

    def __init__(self, source=None):
        self.cookies, self.source = {}, source

    def send(self, method, url, fields=None):
        parts = urllib.parse.urlsplit(url)
        # Over TLS whoever SSL_CERT_FILE names vouches for the server.
        secure = parts.scheme == "https"
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
            parts.hostname, parts.port, timeout=20, source_address=self.source and (self.source, 0)
        )
        headers = {"Accept": "text/html"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", body, headers)
        response = connection.getresponse()
        page = response.read().decode()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                content = rest.split(";")[0]
                if content and "max-age=0" not in value.lower():
                    self.cookies[key] = content
                else:
                    self.cookies.pop(key, None)
        connection.close()
        return response.status, response.getheader("Location"), page


def walk(url, redirect_uri, user, password, source=None):
    """From the authorization URL to the redirect that goes back to the client; returns that URL."""
    browser = Browser(source)
    status, location, page = browser.send("GET", url)
    for _ in range(12):
        if location:
            url = urllib.parse.urljoin(url, location)
            if url.startswith(redirect_uri):
                return url
            status, location, page = browser.send("GET", url)
            continue
        form = next((form for form in map(filled(user, password), Forms(page).found) if form), None)
        if status != 200 or form is None:
            raise RuntimeError(f"stuck at {url}: {status}\n{page[:1500]}")
        url = urllib.parse.urljoin(url, form["action"])
        status, location, page = browser.send("POST", url, form["fields"])
    raise RuntimeError(f"no way back to {redirect_uri}")


def filled(user, password):
    """Fills a login form, takes a consent form that allows, leaves every other form."""

    def fill(form):
        types = {type for _, _, type in form["fields"]}
        if "password" in types:
            values = {"password": password, "text": user, "email": user}
            fields = [(name, values.get(type, value)) for name, value, type in form["fields"] if type != "submit"]
            return {"action": form["action"], "fields": fields}
        if any(name == "decision" and value == "allow" for name, value, _ in form["fields"]):
            fields = [(name, value) for name, value, type in form["fields"] if type != "submit"]
            return {"action": form["action"], "fields": fields}
        return None

    return fill


def query(url):
    """The query parameters of a URL."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def report(value):
    """Hands the result of a script to the test that runs it."""
    print(json.dumps(value, default=str), flush=True)


def task():
    """What the test asked for. The names at and below `local` are found on this machine, as a wildcard in DNS would have it."""
    job = json.loads(sys.argv[1])
    if local := job.get("local"):
        ask = socket.getaddrinfo

        def find(host, *rest, **named):
            name = host.decode() if isinstance(host, bytes) else host or ""
            return ask("127.0.0.1" if f".{name}".endswith(f".{local}") else host, *rest, **named)

        socket.getaddrinfo = find
    return job
