"""mcp-streamablehttp-client, the client of the seed project: its own registration, then its program as it is.

Version 0.2 sends no code_challenge, which every grant of a code here needs. So the code is asked for with one, in the name of
the client that the program's own code registered, and the tokens are put where the program keeps them.
"""

import asyncio
import base64
import hashlib
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

import walk

JOB = walk.task()
ORIGIN = JOB["url"].rsplit("/demo/", 1)[0]
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
PROGRAM = os.path.join(os.path.dirname(sys.executable), "mcp-streamablehttp-client")
VERIFIER = "v" * 64


def run(*arguments, answer=""):
    """Runs the program with what is typed at its prompt."""
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [PROGRAM, *arguments], input=answer, capture_output=True, text=True, env=environment, timeout=60
    )
    return {"code": done.returncode, "text": done.stdout + done.stderr}


def code_from_pages(url):
    """Logs in and allows; returns the code that the last page shows."""
    browser = walk.Browser()
    status, location, page = browser.send("GET", url)
    for _ in range(12):
        if location:
            url = urllib.parse.urljoin(url, location)
            status, location, page = browser.send("GET", url)
            continue
        shown = re.search(r'<code id="code">([^<]+)</code>', page)
        if shown:
            return shown.group(1)
        form = next((form for form in map(walk.filled(JOB["user"], JOB["password"]), walk.Forms(page).found) if form), None)
        if status != 200 or form is None:
            raise RuntimeError(f"stuck at {url}: {status}\n{page[:1500]}")
        url = urllib.parse.urljoin(url, form["action"])
        status, location, page = browser.send("POST", url, form["fields"])
    raise RuntimeError("no code was shown")


async def register():
    """The program's own discovery and registration."""
    from mcp_streamablehttp_client.config import Settings
    from mcp_streamablehttp_client.oauth import OAuthClient

    settings = Settings(mcp_server_url=JOB["url"])
    async with OAuthClient(settings) as client:
        await client.discover_oauth_configuration()
        await client.register_client()
    return settings


def tokens(settings):
    """A code with a challenge, for the scopes that the program asks for, exchanged with its secret."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    request = {
        "response_type": "code", "client_id": settings.oauth_client_id, "redirect_uri": OUT_OF_BAND,
        "scope": "read write", "state": "s", "code_challenge": challenge, "code_challenge_method": "S256",
    }
    code = code_from_pages(settings.oauth_authorization_url + "?" + urllib.parse.urlencode(request))
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": OUT_OF_BAND,
        "client_id": settings.oauth_client_id, "client_secret": settings.oauth_client_secret, "code_verifier": VERIFIER,
    }
    answer = urllib.request.urlopen(settings.oauth_token_url, urllib.parse.urlencode(form).encode(), timeout=20)
    return walk.json.loads(answer.read())


settings = asyncio.run(register())
pair = tokens(settings)
with open(".env", "w") as file:
    file.write(
        f"MCP_SERVER_URL={JOB['url']}\nMCP_CLIENT_ID={settings.oauth_client_id}\n"
        f"MCP_CLIENT_SECRET={settings.oauth_client_secret}\nMCP_CLIENT_ACCESS_TOKEN={pair['access_token']}\n"
        f"MCP_CLIENT_REFRESH_TOKEN={pair['refresh_token']}\n"
        f"MCP_CLIENT_REGISTRATION_TOKEN={settings.registration_access_token}\n"
        f"MCP_CLIENT_REGISTRATION_URI={settings.registration_client_uri}\n"
    )
walk.report(
    {
        "scope": pair["scope"],
        "call": run("--command", "echo message=seeded"),
        "tools": run("--list-tools"),
        "test": run("--test-auth"),
        "info": run("--get-client-info"),
        "update": run("--update-client", "client_name=Renamed", answer="y\n"),
        "info_again": run("--get-client-info"),
        "delete": run("--delete-client", answer="DELETE\n"),
        "info_after": run("--get-client-info"),
        "call_after": run("--command", "echo message=seeded"),
    }
)
