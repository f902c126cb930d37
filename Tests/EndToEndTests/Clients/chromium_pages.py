"""Consent and account in Debian's Chromium, without scripts where a person could switch them off: two tabs, pages that come too
late, 60 names that try to be markup, and frames of another site."""

import http.server
import threading
import urllib.parse
import urllib.request

from playwright.sync_api import sync_playwright

import walk
from chromium import SIZES, Callback, framed, look, register

SCRIPTS = ["alert(1)", "window.__hit=1", "top.location='//evil.test'", "fetch('//evil.test')"]
SHAPES = [
    "<script>{}</script>", "</script><script>{}</script>", "<img src=x onerror={}>", "\"><svg onload={}>", "'><svg/onload={}>",
    "<iframe srcdoc=\"<script>{}</script>\">", "<body onload={}>", "<details open ontoggle={}>", "<input autofocus onfocus={}>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror={}>", "<a href=javascript:{}>x</a>",
    "</title><script>{}</script>", "</style><script>{}</script>", "--><script>{}</script>",
]
OTHERS = [
    "<base href=//evil.test>", "<meta http-equiv=refresh content=0;url=//evil.test>", "<form action=//evil.test>",
    "{{constructor.constructor('alert(1)')()}}", "\u202eevil", "&lt;b&gt;&#x3c;script&#x3e;",
]
PAYLOADS = [shape.format(script) for shape in SHAPES for script in SCRIPTS][:54] + OTHERS


def watch(context, complaints):
    """Keeps what Chromium complains about, and whether a script of a payload ran."""
    context.add_init_script("addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective))")

    def follow(page):
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append("dialog " + dialog.message), dialog.dismiss()))
        page.on("request", lambda request: complaints.append("asked " + request.url) if "evil" in request.url.split("?")[0] else None)

    context.on("page", follow)


class Site:
    """The gateway as a browser of its own address sees it: pages are limited for each address."""

    number = 0

    def __init__(self, job, port):
        self.origin, self.job, self.redirect = job["origin"], job, f"http://127.0.0.1:{port}/callback"

    def elsewhere(self, context):
        type(self).number += 1
        context.set_extra_http_headers({"X-Forwarded-For": f"203.0.{self.number // 250}.{self.number % 250 + 1}"})

    def start(self, client, state):
        return self.origin + "/authorize?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": client, "redirect_uri": self.redirect, "state": state,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
            "resource": self.origin + "/demo/mcp",
        })

    def sign_in(self, page):
        page.fill("input[name=username]", self.job["user"])
        page.fill("input[type=password]", self.job["password"])
        page.click("button[type=submit]")
        page.wait_for_load_state()

    def allow(self, page, client=None):
        """Says yes; with `client`, the client fetches its tokens, and only then it has access."""
        page.click("button:has-text('Allow')")
        page.wait_for_url(f"{self.redirect}*", timeout=10000)
        answer = walk.query(page.url)
        if client:
            form = {
                "grant_type": "authorization_code", "code": answer["code"], "client_id": client,
                "redirect_uri": self.redirect, "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            }
            urllib.request.urlopen(self.origin + "/token", urllib.parse.urlencode(form).encode(), timeout=20).read()
        return answer


def two_tabs(browser, site, report):
    """Two sign-ins begun at once in one browser, without scripts: both logins, both consents, both codes."""
    context = browser.new_context(java_script_enabled=False)
    site.elsewhere(context)
    client = register(site.origin, site.redirect, "two tabs")
    tabs = [context.new_page(), context.new_page()]
    for number, tab in enumerate(tabs):
        tab.goto(site.start(client, f"tab{number}"), wait_until="commit")
    for tab in tabs:
        tab.wait_for_load_state()
        site.sign_in(tab)
    # Each tab stands at its own consent page before either is answered.
    report["tabs_ask"] = [tab.inner_text("h1") for tab in tabs]
    report["tabs"] = [site.allow(tab) for tab in tabs]
    context.close()


def too_late(browser, site, report):
    """Pages that were answered, belong to another browser, or are from before a sign-out."""
    context = browser.new_context()
    site.elsewhere(context)
    client = register(site.origin, site.redirect, "too late")
    page = context.new_page()
    page.goto(site.start(client, "first"))
    site.sign_in(page)
    consent, again = page.url, context.new_page()
    again.goto(consent)
    site.allow(page, client)
    again.click("button:has-text('Allow')")
    again.wait_for_load_state()
    late = {"answered": again.inner_text("main")}
    page.go_back()
    page.wait_for_load_state()
    late["back"] = page.inner_text("main")
    stranger = browser.new_context()
    site.elsewhere(stranger)
    other = stranger.new_page()
    fresh = context.new_page()
    fresh.goto(site.start(register(site.origin, site.redirect, "another"), "second"))
    other.goto(fresh.url)
    late["other_browser"] = other.inner_text("main")
    other.goto(site.origin + "/consent?transaction=sp_login_unknown")
    late["unknown"] = other.inner_text("main")
    account = context.new_page()
    account.goto(site.origin + "/account")
    stale = context.new_page()
    stale.goto(site.origin + "/account")
    account.click("button:text-is('Sign out')")
    account.wait_for_load_state()
    late["signed_out"] = account.inner_text("main")
    for name, tab, label in [("consent_signed_out", fresh, "Allow"), ("account_signed_out", stale, "Take back")]:
        tab.click(f"button:has-text('{label}')")
        tab.wait_for_load_state()
        late[name] = tab.inner_text("main")
    report["late"] = late
    stranger.close()
    context.close()


def markup(browser, site, report):
    """Names of clients that try to be markup, on consent and account."""
    complaints = []
    context = browser.new_context(viewport=SIZES["desk"])
    site.elsewhere(context)
    watch(context, complaints)
    page = context.new_page()
    page.goto(site.origin + "/login")
    site.sign_in(page)
    shown, hits, elements = [], 0, 0
    for number, payload in enumerate(PAYLOADS):
        if number % 20 == 0:
            site.elsewhere(context)
        client = register(site.origin, site.redirect, payload)
        page.goto(site.start(client, f"p{number}"))
        shown.append(page.inner_text("h1"))
        hits += page.evaluate("() => window.__hit ? 1 : 0")
        elements += page.evaluate("() => document.querySelectorAll('main script, main img, main svg, main iframe, main base, main math').length")
        site.allow(page, client)
    page.goto(site.origin + "/account")
    hits += page.evaluate("() => window.__hit ? 1 : 0")
    elements += page.evaluate("() => document.querySelectorAll('main script, main img, main svg, main iframe, main base, main math').length")
    report["payloads"] = {
        "count": len(PAYLOADS), "shown": shown, "hits": hits, "elements": elements, "complaints": list(complaints),
        "listed": page.locator("button:has-text('Take back')").count(), "bidi": any("\u202e" in text for text in shown),
    }
    report["looks"] = {}
    for scheme in ("light", "dark"):
        for size, viewport in SIZES.items():
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(viewport)
            report["looks"][f"account {scheme} {size}"] = look(page)
    report["framed"] = framed(context, site.origin + "/account", urllib.parse.urlsplit(site.redirect).port)
    page.locator("button:has-text('Take back')").first.click()
    page.wait_for_load_state()
    report["taken_back"] = page.locator("button:has-text('Take back')").count()
    report["done"] = page.inner_text("[role=status]")
    context.close()


def forged(browser, site, report):
    """A page of another origin posts to our forms with the user's cookies."""
    context = browser.new_context()
    site.elsewhere(context)
    page = context.new_page()
    page.goto(site.origin + "/login")
    site.sign_in(page)
    page.goto(f"http://127.0.0.1:{urllib.parse.urlsplit(site.redirect).port}/")
    answers = {}
    for target in ("/account", "/consent", "/logout", "/login"):
        page.goto(f"http://127.0.0.1:{urllib.parse.urlsplit(site.redirect).port}/")
        with page.expect_navigation() as navigation:
            page.evaluate(
                """url => { const f = document.createElement('form'); f.method = 'post'; f.action = url;
                f.innerHTML = '<input name=change value=other-sessions><input name=everywhere value=yes>';
                document.body.append(f); f.submit(); }""", site.origin + target)
        answers[target] = navigation.value.status
    report["forged"] = answers
    page.goto(site.origin + "/account")
    report["still_signed_in"] = "Your account" in page.inner_text("h1")
    context.close()


def main():
    job, report = walk.task(), {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = Site(job, server.server_address[1])
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for part in (two_tabs, too_late, markup, forged):
            if part.__name__ in job.get("parts", [part.__name__]):
                part(browser, site, report)
        browser.close()
    walk.report(report)


if __name__ == "__main__":
    main()
