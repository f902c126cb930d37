import Telemetry

/// Where a user sees and takes back what they allowed, and signs out.
struct AccountPage {
    let view: AccountView
    /// What was just done.
    let done: AccountChange?
    /// What went wrong with the password.
    let problem: String?

    var page: Page { Page(title: "Your account", content: content) }

    private var content: HTML {
        """
        <h1>Your account</h1>
        <p class="lead">Signed in as <strong>\(view.userName)</strong>\(view.email.map { " (\($0))" } ?? HTML.empty)</p>
        \(done.map { "<p class=\"done\" role=\"status\">\($0.message)</p>" } ?? HTML.empty)
        <h2>Applications that may act for you</h2>
        \(accesses)
        <h2>Keys</h2>
        \(keys)
        <h2>Browsers</h2>
        <ul class="entries">\(view.sessions.map(item(_:)))</ul>
        \(view.sessions.count > 1 ? form(.otherSessions, id: nil, label: "Sign out everywhere else") : HTML.empty)
        \(view.hasPassword ? password : HTML.empty)
        <h2>Leave</h2>
        <form method="post" action="/logout">
        <input type="hidden" name="form_token" value="\(view.signOutToken)">
        <button type="submit">Sign out</button>
        </form>
        <form method="post" action="/logout">
        <input type="hidden" name="form_token" value="\(view.signOutToken)">
        <input type="hidden" name="everywhere" value="yes">
        <button type="submit" class="quiet">Sign out everywhere</button>
        </form>
        """
    }

    private var accesses: HTML {
        guard !view.accesses.isEmpty else {
            return "<p class=\"small\">None. Connect an application to this server, and it will ask you here.</p>"
        }
        return "<ul class=\"entries\">\(view.accesses.map(item(_:)))</ul>"
    }

    private var keys: HTML {
        guard !view.keys.isEmpty else {
            return "<p class=\"small\">None. Whoever runs this server makes them for programs that cannot sign in.</p>"
        }
        return "<ul class=\"entries\">\(view.keys.map(item(_:)))</ul>"
    }

    private func item(_ access: AccountView.Access) -> HTML {
        """
        <li><div><strong>\(access.client)</strong><br><span class="small">\(words(access.servers, access.scope))<br>\
        since \(Day.text(access.since)), \(used(access.lastUsed)), until \(Day.text(access.ends))</span></div>
        \(form(.grant, id: access.id, label: "Take back", subject: access.client))</li>
        """
    }

    private func item(_ key: AccountView.Key) -> HTML {
        """
        <li><div><strong>\(key.name)</strong> <code>\(key.hint)…</code><br><span class="small">\
        \(words(key.servers, key.scope))<br>since \(Day.text(key.since)), \(used(key.lastUsed)), \
        until \(Day.text(key.ends))</span></div>
        \(form(.key, id: key.id, label: "Revoke", subject: key.name))</li>
        """
    }

    private func item(_ session: AccountView.Session) -> HTML {
        """
        <li><div>\(name(of: session))<br><span class="small">\
        signed in \(Day.text(session.since)), last seen \(Day.text(session.lastSeen))</span></div>
        \(session.isThis ? HTML.empty : form(.session, id: session.id, label: "Sign out", subject: "that browser"))</li>
        """
    }

    // With its type written down: two literals side by side would be text, and their markup shown to the reader.
    private func name(of session: AccountView.Session) -> HTML {
        session.isThis ? "<strong>This browser</strong>" : "Another browser"
    }

    private func words(_ servers: [String], _ scope: String) -> String {
        let places = servers.isEmpty ? "every server" : servers.joined(separator: ", ")
        return scope.isEmpty ? places : "\(places): \(scope)"
    }

    private func used(_ time: Timestamp?) -> String { time.map { "last used \(Day.text($0))" } ?? "never used" }

    private func form(_ change: AccountChange, id: String?, label: String, subject: String? = nil) -> HTML {
        """
        <form method="post" action="/account">
        <input type="hidden" name="form_token" value="\(view.formToken)">
        <input type="hidden" name="change" value="\(change.rawValue)">
        \(id.map { "<input type=\"hidden\" name=\"id\" value=\"\($0)\">" } ?? HTML.empty)
        <button type="submit" class="quiet"\(subject.map { " aria-label=\"\(label): \($0)\"" } ?? HTML.empty)>\(label)\
        </button>
        </form>
        """
    }

    private var password: HTML {
        """
        <h2>Password</h2>
        \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? HTML.empty)
        <form method="post" action="/account">
        <input type="hidden" name="form_token" value="\(view.formToken)">
        <input type="hidden" name="change" value="password">
        <input type="hidden" name="username" value="\(view.userName)" autocomplete="username">
        <label for="present">Present password</label>
        <input type="password" id="present" name="present" autocomplete="current-password" maxlength="1024" required>
        <label for="password">New password, at least \(String(PasswordRule.minimumLength)) characters</label>
        <input type="password" id="password" name="password" autocomplete="new-password" \
        minlength="\(String(PasswordRule.minimumLength))" maxlength="1024" required>
        <label for="repeated">The same again</label>
        <input type="password" id="repeated" name="repeated" autocomplete="new-password" maxlength="1024" required>
        <button type="submit" class="quiet">Change password</button>
        </form>
        """
    }
}

/// A time as a person reads it; without a script nobody knows the reader's zone, so the zone is said.
enum Day {
    /// `2026-11-21 10:30 UTC`.
    static func text(_ time: Timestamp) -> String {
        let iso = time.iso8601.prefix(16)
        return iso.replacing("T", with: " ") + " UTC"
    }
}
