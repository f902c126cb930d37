#!/usr/bin/env python3
"""A stand-in for GitHub, true to its public documentation where a login meets it:

- the web application flow: callback at or below the registered one, codes that work once, PKCE, comma-separated scopes,
  answers as a form unless JSON is accepted, and errors with status 200;
- the REST interface: bearer tokens, 401 for bad credentials, scopes named in X-OAuth-Scopes, 403 without a User-Agent,
  pages with Link, and both faces of the rate limit.

GitHub asks a person; this one looks at the cookie `user`. POST /_control with JSON changes its mind.
"""
import base64
import hashlib
import http.server
import json
import secrets
import sys
import urllib.parse

CLIENT, SECRET = "Iv1.0123456789abcdef", "github client secret"
ORGANIZATIONS = [f"org-{number}" for number in range(1, 251)]
USERS = {
    "octocat": {"id": 583231, "orgs": ORGANIZATIONS, "teams": [("org-250", "core"), ("org-1", "docs")]},
    "OctoDog": {"id": 99, "orgs": ["org-7"], "teams": []},
    "stranger": {"id": 7, "orgs": [], "teams": []},
}
state = {"callback": "", "codes": {}, "tokens": {}, "refresh": {}, "rate_limit": None, "expiring": False, "log": []}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=(), content_type="application/json; charset=utf-8"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        state["log"].append(f"GET {url.path}")
        if url.path == "/login/oauth/authorize":
            return self.authorize(query)
        if url.path.startswith("/api/v3/"):
            return self.api(url.path[len("/api/v3"):], query)
        if url.path == "/_log":
            return self.answer(200, state["log"])
        self.answer(404, {"message": "Not Found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        state["log"].append(f"POST {self.path}")
        if self.path == "/_control":
            change = json.loads(body)
            if "revoke" in change:
                for kind in ("tokens", "refresh"):
                    state[kind] = {k: v for k, v in state[kind].items() if v["user"] != change["revoke"]}
            for name, value in change.items():
                if name == "remove_from":
                    USERS[value[0]]["orgs"] = [o for o in USERS[value[0]]["orgs"] if o != value[1]]
                elif name != "revoke":
                    state[name] = value
            return self.answer(200, {})
        if self.path == "/login/oauth/access_token":
            return self.token(dict(urllib.parse.parse_qsl(body.decode())))
        self.answer(404, {"message": "Not Found"})

    def authorize(self, query):
        if query.get("client_id") != CLIENT:
            return self.answer(404, b"<html>404</html>", content_type="text/html")
        redirect = query.get("redirect_uri", state["callback"])
        if not (redirect + "/").startswith(state["callback"].rstrip("/") + "/"):
            location = state["callback"] + "?error=redirect_uri_mismatch&state=" + query.get("state", "")
            return self.answer(302, b"", [("Location", location)])
        cookies = dict(part.strip().split("=", 1) for part in self.headers.get("Cookie", "").split(";") if "=" in part)
        user = cookies.get("user")
        if user not in USERS:
            return self.answer(302, b"", [("Location", "/login?return_to=" + urllib.parse.quote(self.path))])
        parameters = {"state": query.get("state", "")}
        if cookies.get("refuses"):
            parameters |= {"error": "access_denied", "error_description": "The user has denied your application access."}
        else:
            code = secrets.token_hex(10)
            state["codes"][code] = {"user": user, "scope": query.get("scope", "").split(), "redirect": redirect,
                                    "challenge": query.get("code_challenge")}
            parameters |= {"code": code}
        self.answer(302, b"", [("Location", redirect + "?" + urllib.parse.urlencode(parameters))])

    def token(self, form):
        def fail(error):
            self.give({"error": error, "error_description": "See the documentation.",
                       "error_uri": "https://docs.github.com/apps/troubleshooting"})
        if form.get("client_id") != CLIENT or form.get("client_secret") != SECRET:
            return fail("incorrect_client_credentials")
        if form.get("grant_type") == "refresh_token":
            known = state["refresh"].pop(form.get("refresh_token"), None)
            if not known:
                return fail("bad_refresh_token")
            return self.give(self.tokens(known["user"], known["scope"]))
        code = state["codes"].pop(form.get("code"), None)
        if not code:
            return fail("bad_verification_code")
        if form.get("redirect_uri") and form["redirect_uri"] != code["redirect"]:
            return fail("redirect_uri_mismatch")
        if code["challenge"]:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code["challenge"]:
                return fail("bad_verification_code")
        self.give(self.tokens(code["user"], code["scope"]))

    def tokens(self, user, scope):
        token = ("ghu_" if state["expiring"] else "gho_") + secrets.token_hex(18)
        state["tokens"][token] = {"user": user, "scope": scope}
        answer = {"access_token": token, "token_type": "bearer", "scope": ",".join(scope)}
        if state["expiring"]:
            refresh = "ghr_" + secrets.token_hex(38)
            state["refresh"][refresh] = {"user": user, "scope": scope}
            answer |= {"expires_in": 28800, "refresh_token": refresh, "refresh_token_expires_in": 15811200}
        return answer

    def give(self, answer):
        # Errors too have status 200.
        if "application/json" in self.headers.get("Accept", ""):
            return self.answer(200, answer)
        self.answer(200, urllib.parse.urlencode(answer).encode(), content_type="application/x-www-form-urlencoded")

    def api(self, path, query):
        if not self.headers.get("User-Agent"):
            return self.answer(403, {"message": "Request forbidden by administrative rules."})
        if state["rate_limit"] == "primary":
            return self.answer(403, {"message": "API rate limit exceeded"},
                               [("X-RateLimit-Limit", "5000"), ("X-RateLimit-Remaining", "0")])
        if state["rate_limit"] == "secondary":
            return self.answer(429, {"message": "You have exceeded a secondary rate limit."}, [("Retry-After", "60")])
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        known = state["tokens"].get(token)
        if not known:
            return self.answer(401, {"message": "Bad credentials", "status": "401"})
        scopes, user = known["scope"], USERS[known["user"]]
        self.scopes = [("X-OAuth-Scopes", ", ".join(scopes)), ("X-RateLimit-Remaining", "4999")]
        if path == "/user":
            # The public address is not a verified one.
            return self.answer(200, {"login": known["user"], "id": user["id"], "email": "boss@corp.test"}, self.scopes)
        if path == "/user/emails":
            if "user:email" not in scopes:
                return self.answer(404, {"message": "Not Found"}, self.scopes)
            return self.page([
                {"email": "old@corp.test", "verified": True, "primary": False},
                {"email": f"{known['user']}@Corp.Test", "verified": True, "primary": True},
                {"email": "boss@corp.test", "verified": False, "primary": False}], path, query)
        if path in ("/user/orgs", "/user/teams"):
            if "read:org" not in scopes:
                return self.answer(403, {"message": "You need at least read:org scope"}, self.scopes)
            entries = [{"login": name, "id": 1} for name in user["orgs"]]
            if path == "/user/teams":
                entries = [{"slug": slug, "organization": {"login": name}} for name, slug in user["teams"]]
            return self.page(entries, path, query)
        self.answer(404, {"message": "Not Found"}, self.scopes)

    def page(self, entries, path, query):
        size = min(int(query.get("per_page", 30)), 100)
        number = int(query.get("page", 1))
        last = max(1, -(-len(entries) // size))
        base = f"http://{self.headers['Host']}/api/v3{path}?per_page={size}&page="
        links = []
        if number > 1:
            links += [f'<{base}{number - 1}>; rel="prev"', f'<{base}1>; rel="first"']
        if number < last:
            links += [f'<{base}{number + 1}>; rel="next"', f'<{base}{last}>; rel="last"']
        headers = self.scopes + ([("Link", ", ".join(links))] if links else [])
        self.answer(200, entries[(number - 1) * size:number * size], headers)


if __name__ == "__main__":
    state["callback"] = sys.argv[2]
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
