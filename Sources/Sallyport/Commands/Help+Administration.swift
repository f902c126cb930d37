extension Help {
    private static let place = """
          --config FILE    the configuration of the gateway
          --data-dir DIR   its data directory (wins over the file)
        """

    /// `sallyport COMMAND --help` of the commands that administer what the gateway keeps.
    static let administration: [String: String] = [
        "user": """
        usage: sallyport user add NAME [--password-stdin] [--email ADDRESS] [--groups A,B] [--admin]
               sallyport user list [--json]
               sallyport user show NAME [--json]
               sallyport user set NAME [--groups A,B] [--email ADDRESS] [--admin | --no-admin] [--json]
               sallyport user passwd NAME [--password-stdin | --link]
               sallyport user disable NAME
               sallyport user enable NAME
               sallyport user remove NAME

        Local accounts, in the same store as the gateway, whether it runs or not. Without --password-stdin, add prints
        a one-time link with which the user sets the password. show tells what belongs to an account: sessions, grants
        and API keys. set replaces what is named; new groups are in a user's tokens from the next refresh on.

        \(place)
          --json           the result as JSON
        """,
        "client": """
        usage: sallyport client list [--json]
               sallyport client show ID [--json]
               sallyport client add NAME --redirect-uri URI[,URI] [--public] [--scopes A,B] [--servers A,B] [--json]
               sallyport client add NAME --grant-types client_credentials [--jwks FILE | --jwks-uri URL] [--json]
               sallyport client remove ID

        The programs that may ask users for access: those that registered, those that were added here, and those of
        oauth.clients. Removing one ends every grant that it has, in every gateway on this store within a second.

          --id ID                a client_id of your choice; a random one when left out
          --redirect-uri A,B     where answers may go; compared byte for byte
          --public               it cannot keep a secret; otherwise one is made and shown once
          --auth-method METHOD   none, client_secret_basic, client_secret_post or private_key_jwt
          --jwks FILE, --jwks-uri URL   its public keys, for private_key_jwt
          --grant-types A,B      authorization_code,refresh_token when left out
          --application-type T   web or native
          --scopes A,B           scopes that it may ask for at most
          --servers A,B          servers that it may have tokens for
          --first-party          a client of your own
        \(place)
          --json                 the result as JSON
        """,
        "session": """
        usage: sallyport session list [--user NAME] [--json]
               sallyport session end ID
               sallyport session end --user NAME | --all

        Who is signed in with a browser. Ending a session signs that browser out; what its user allowed clients goes on
        (sallyport grant). The ID, or its beginning, is the digest of a cookie: nobody can sign in with it.

        \(place)
          --json           the list as JSON
        """,
        "policy": """
        usage: sallyport policy explain --user NAME --tool TOOL [--server SERVER] [--json]
               sallyport policy explain --groups A,B --prompt NAME | --resource URI [--server SERVER] [--json]
               sallyport policy explain --user NAME --protected-resource NAME [--json]
               sallyport policy test FILE
               sallyport policy pins [--server NAME] [--json]
               sallyport policy pins show SERVER TOOL [--json]
               sallyport policy pins approve SERVER TOOL [--digest SHA256] [--json]
               sallyport policy pins approve SERVER --all [--json]
               sallyport policy pins forget SERVER [TOOL] [--json]

        explain says whether somebody may use something, and by which rule, as the gateway decides it: exit code 0 for
        yes, 77 for no. TOOL is SERVER:NAME, the name that /mcp gives it, or with --server the name alone. test reads
        cases and fails with 65 when one does not come out as it says:

            cases:
              - {name: users cannot delete, groups: [User], tool: "n8n:delete_workflow", allow: false}
              - {claims: {roles: [Dev]}, resource: "notes:file:///srv/x", allow: true, rule: "notes:file:///srv/*"}
              - {groups: [User], protected_resource: fetch, allow: true}

        A protected resource, by its name or its url, is all or nothing, as at /verify. A token that says nothing of scope
        has those of the resource.

          --user NAME      the account, with its groups and what its identity provider said last
          --groups A,B     these groups in the place of the account's
          --client ID, --scope "A B"   what else a token would say

        pins are the definitions of the tools of servers with pin: report or pin: enforce: which ones are approved, and
        which differ. approve makes what the server says now the approved definition; a gateway that runs knows within a
        second, and tells its clients. forget takes pins out: the tool is new when it is seen again.

          --digest SHA256  only when this is the definition that waits
          --all            every tool of the server that waits or has changed
        \(place)
          --json           the result as JSON
        """,
        "grant": """
        usage: sallyport grant list [--user NAME] [--client ID] [--limit N] [--json]
               sallyport grant revoke ID
               sallyport grant revoke --user NAME | --client ID | --all

        What users allowed clients. Revoking ends every access and refresh token of a grant, in every gateway on this
        store within a second, and the streams that it opened.

        \(place)
          --limit N        show the newest N; 1000 when left out
          --json           the list as JSON
        """,
        "stats": """
        usage: sallyport stats [--json]

        How many accounts, clients, grants, sessions and keys there are, and how large the files.

        \(place)
          --json           the result as JSON
        """,
        "audit": """
        usage: sallyport audit query [--tokens] [--user NAME] [--client ID] [--server NAME] [--tool NAME] [--action A,B]
                                     [--outcome A,B] [--since TIME] [--until TIME] [--limit N] [--json]
               sallyport audit tail [--follow] [the same]
               sallyport audit export [FILE] [--format jsonl|csv] [--replace] [the same but --limit and --json]
               sallyport audit verify [--seal SEAL] [--json]

        Who logged in, got which token, changed which account and called which tool, from the audit trail in the data
        directory. query shows the newest that match, oldest first; tail the last ones, and with --follow what comes;
        export writes all of them to FILE or standard output.

        verify follows the chain of seals through the trail: whether a line was changed, removed or put in since it was
        written. It ends with 65 when so. It prints the last seal: noted elsewhere and given to --seal later, it shows
        that the trail was not written anew or cut off before it.

          --tokens         what happened to tokens: who got which one when, refreshed, revoked, replayed
          --user NAME      of one account; one that was removed by its identifier
          --server NAME    of one server; --tool of one tool, by the server's own name
          --outcome A,B    of success, denied (by us) and failed
          --since TIME     like 24h, 2026-11-21 or 2026-11-21T05:30Z; --until the same
          --limit N        how many; 1000 for query, 20 for tail
        \(place)
          --json           events as they were written
        """,
        "backup": """
        usage: sallyport backup FILE [--without-key] [--replace] [--json]

        Copies the store as it is at one moment, while the gateway runs, into FILE, and the key that seals what is in it
        into FILE.key; beside them what an authority issued (tls.acme), as FILE.account.pem and FILE.certificate.pem.
        All can be read by you alone; keep the keys apart from the copy. The audit trail is not copied.

          --without-key    copy the store and no key; without master.key of the data directory it cannot be restored
          --replace        replace FILE when it is there
        \(place)
          --json           what was made, as JSON
        """,
        "restore": """
        usage: sallyport restore FILE [--key FILE] [--dry-run] [--replace] [--end-grants] [--json]

        Makes a backup the store of a gateway, which must not run. The backup is checked page by page, and its key must
        open it: --key, FILE.key, or the one in the data directory. What was revoked after the backup was made would work
        again: --end-grants ends all grants and sessions in it, and everybody logs in anew.

          --dry-run        check, and change nothing
          --replace        move a store that is there aside, under a name with the time; nothing is deleted
        \(place)
          --json           what the backup is, as JSON
        """,
        "purge": """
        usage: sallyport purge [--dry-run] [--json]

        Removes what can no longer matter: expired logins, codes, grants and sessions, and clients that were never used.
        A running gateway does the same by itself every few minutes; nothing depends on it but room.

          --dry-run        tell how much there is, and remove nothing
        \(place)
          --json           the result as JSON
        """,
    ]
}
