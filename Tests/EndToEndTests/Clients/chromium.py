"""Drives the setup link, the login and the consent in a headless Chromium, looks at them in the dark and on a phone, and
tries to frame them. Keeps no picture: what it looks at are computed styles, sizes and what the browser complained about."""

import http.server
import threading
import urllib.parse

from playwright.sync_api import sync_playwright

import walk

SIZES = {"phone": {"width": 360, "height": 640}, "desk": {"width": 1280, "height": 800}}


def look(page):
    """What a person would notice: text cut off, text that cannot be read, a button too small to hit."""
    return page.evaluate(
        """() => {
        const rgb = text => (text.match(/[\\d.]+/g) || [0, 0, 0]).slice(0, 3).map(Number);
        const light = ([r, g, b]) => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
            return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
        const backdrop = element => { for (let e = element; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;
            if (color !== 'rgba(0, 0, 0, 0)' && color !== 'transparent') return rgb(color); }
            return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]; };
        const contrast = element => { const a = light(rgb(getComputedStyle(element).color)), b = light(backdrop(element));
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
        const texts = [...document.querySelectorAll('h1, p, label, dt, dd, button, li')].filter(e => e.offsetParent);
        return {
            title: document.title, background: rgb(getComputedStyle(document.body).backgroundColor),
            overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            lowestContrast: Math.min(...texts.map(contrast)),
            smallestButton: Math.min(...[...document.querySelectorAll('button')].map(e => e.getBoundingClientRect().height), 999),
            unlabelled: [...document.querySelectorAll('input:not([type=hidden])')].filter(e => !e.labels.length).length,
            language: document.documentElement.lang, text: document.body.innerText.slice(0, 2000),
        }; }"""
    )


class Watched:
    """A page whose complaints are kept."""

    def __init__(self, context):
        self.page, self.complaints = context.new_page(), []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog: " + dialog.message), dialog.dismiss()))


class Callback(http.server.BaseHTTPRequestHandler):
    """Where the client waits for its code."""

    seen = []

    def do_GET(self):
        type(self).seen.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"back at the client")

    def log_message(self, *words):
        pass


def framed(context, url, origin_port):
    """Whether a page of another origin can show `url` in a frame: what the frame holds."""
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{origin_port}/")
    page.evaluate("url => { const f = document.createElement('iframe'); f.src = url; f.id = 'x'; document.body.append(f); }", url)
    page.wait_for_function("() => document.getElementById('x')")
    frame = page.frames[-1]
    try:
        frame.wait_for_load_state("load", timeout=5000)
        return frame.evaluate("() => document.body ? document.body.innerText : ''")
    except Exception as refused:
        return f"refused: {type(refused).__name__}"
    finally:
        page.close()


def main():
    job = walk.task()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, report = server.server_address[1], {"looks": {}, "complaints": []}
    redirect = f"http://127.0.0.1:{port}/callback"
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport=SIZES["desk"], java_script_enabled=True)
        watched = Watched(context)
        page = watched.page

        # The one-time link of the first start.
        page.goto(job["setup"])
        report["looks"]["setup"] = look(page)
        for field in page.query_selector_all("input[type=password]"):
            field.fill(job["password"])
        page.click("button[type=submit]")
        page.wait_for_load_state()
        report["after_setup"] = page.url

        # A client opens the login in the browser.
        client = register(job["origin"], redirect, job["client_name"])
        query = urllib.parse.urlencode({
            "response_type": "code", "client_id": client, "redirect_uri": redirect, "state": "from-the-browser",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
            "resource": job["origin"] + "/demo/mcp",
        })
        start = f"{job['origin']}/authorize?{query}"
        fresh = browser.new_context(viewport=SIZES["desk"])
        watched_login = Watched(fresh)
        page = watched_login.page
        page.goto(start)
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size(viewport)
                report["looks"][f"login {scheme} {size}"] = look(page)
        report["login_url"] = page.url
        report["framed_login"] = framed(fresh, page.url, port)
        page.fill("input[name=username]", job["user"])
        page.fill("input[type=password]", "not the password")
        page.click("button[type=submit]")
        page.wait_for_load_state()
        report["wrong_password"] = page.inner_text("body")[:500]
        page.fill("input[name=username]", job["user"])
        page.fill("input[type=password]", job["password"])
        page.click("button[type=submit]")
        page.wait_for_load_state()
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size(viewport)
                report["looks"][f"consent {scheme} {size}"] = look(page)
        report["framed_consent"] = framed(fresh, page.url, port)
        page.click("button:has-text('Allow')")
        page.wait_for_url(f"{redirect}*", timeout=10000)
        report["returned"] = page.url
        report["cookies"] = [
            {key: cookie[key] for key in ("name", "httpOnly", "secure", "sameSite")} for cookie in fresh.cookies(job["origin"])
        ]
        report["complaints"] = watched.complaints + watched_login.complaints
        browser.close()
    report["redirect"] = redirect
    walk.report(report)


def register(origin, redirect, name):
    import json
    import urllib.request

    body = json.dumps({"client_name": name, "redirect_uris": [redirect], "token_endpoint_auth_method": "none",
                       "grant_types": ["authorization_code", "refresh_token"]}).encode()
    request = urllib.request.Request(origin + "/register", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["client_id"]


if __name__ == "__main__":
    main()
