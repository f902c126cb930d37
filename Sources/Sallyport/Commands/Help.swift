/// The texts of `--help`.
enum Help {
    /// `sallyport --help`.
    static let overview = """
        Sallyport \(Version.text): OAuth 2.1 in front of any MCP server.

        usage: sallyport COMMAND [OPTIONS]

          serve         run the gateway (with nothing configured: a demo server on 127.0.0.1:8080)
          run -- CMD    protect one stdio server: sallyport run -- uvx mcp-server-time
          bridge -- CMD stdio to HTTP without OAuth, for use behind another front door
          check         tell everything that is wrong with a configuration
          health        whether the gateway of this machine can serve
          import FILE   turn a Claude Desktop file with mcpServers into a Sallyport configuration
          user          add, list and change local accounts
          client        add, list, show and remove clients
          session       list and end browser sessions
          grant         list and revoke what users allowed clients
          key           list, rotate and retire signing keys
          token         create, list and revoke API keys for programs that cannot log in
          policy        who may use what, and why; what servers say of their tools
          audit         who got which token when
          stats         how much of everything there is
          purge         remove what can no longer matter
          backup FILE   copy the store while the gateway runs
          restore FILE  make a backup the store of a gateway that does not run
          connect URL   a remote server as a local one, on standard input and output
          call URL TOOL one tool call from the shell
          list URL      what a remote server offers
          doctor URL    what the known clients would stumble over at a server, and how to mend it
          demo-server   the built-in MCP server, on standard input and output

        sallyport COMMAND --help explains one of them. Documentation: docs/configuration.md
        """

    /// `sallyport COMMAND --help`.
    static let commands = everyday.merging(administration) { first, _ in first }

    /// The same of the commands that serve, and of those that use servers.
    static let everyday: [String: String] = [
        "serve": """
        usage: sallyport serve [--config FILE] [--listen ADDR] [--public-url URL] [--data-dir DIR]

        Runs the gateway until SIGTERM or Ctrl-C: calls in flight finish, children stop. The file is read again when it
        changes, and after SIGHUP; one that cannot be used changes nothing.

          --config FILE    YAML, or a JSON file with mcpServers as Claude Desktop writes it
          --listen ADDR    address and port, like 127.0.0.1:8080 (wins over the file)
          --public-url URL the address that clients use, when it is not localhost (wins over the file)
          --data-dir DIR   where accounts, grants and keys are kept (wins over the file)

        With nothing configured it listens on 127.0.0.1:8080 and serves the demo server at /demo/mcp. The first
        start makes an account and prints a link that sets its password.
        """,
        "run": """
        usage: sallyport run [--name NAME] [--listen ADDR] [--public-url URL] [--data-dir DIR] -- COMMAND [ARG ...]

        Protects one stdio server: sallyport run -- uvx mcp-server-time

          --name NAME      the first part of its path; from the command when left out
          --listen ADDR    address and port; 127.0.0.1:8080 when left out
          --public-url URL the address that clients use, when it is not localhost
          --data-dir DIR   where accounts, grants and keys are kept

        The server gets the usual variables (HOME, PATH, ...) and none of the others.
        """,
        "bridge": """
        usage: sallyport bridge [--listen ADDR] [--public-url URL] -- COMMAND [ARG ...]

        Serves one stdio server over Streamable HTTP at /mcp, without any login. Anybody who reaches the address can use it:
        put it behind something that checks, or listen on loopback only.

          --listen ADDR    address and port; 127.0.0.1:8080 when left out
          --public-url URL the address that the front door asks for; other names are answered with 421

        environment: SERVER_COMMAND (instead of COMMAND), SERVER_NAME (for logs and metrics), SESSION_TIMEOUT
        (seconds without use until a session ends), MCP_PROTOCOL_VERSION (the revision that is offered)
        """,
        "check": """
        usage: sallyport check [--config FILE] [--allow-unset]

        Tells everything that is wrong with a configuration, each with its place and a hint. Exit code 0 when it can
        be used, 78 when not.

          --allow-unset    variables may be missing that the gateway alone has, like those of an EnvironmentFile of
                           systemd: they are noted, and what they stand for is not looked at
        """,
        "health": """
        usage: sallyport health [--config FILE] [--timeout DURATION]
               sallyport health --listen ADDR [--timeout DURATION]
               sallyport health --servers | --server NAME [--config FILE] [--data-dir DIR] [--timeout DURATION]

        Asks the gateway of this machine, or of this container, whether it can serve (/ready), and prints what it says. Exit
        code 0 when it can, 69 when it cannot or does not answer.

          --config FILE    the configuration of the gateway, which says where it listens and with which certificate
          --listen ADDR    where it listens, without TLS; like 127.0.0.1:8080, which is the default
          --servers        how each server is: its state, sessions and processes, and why it fails; exit code 69 when one does
          --server NAME    whether that server works: the gateway begins a session with it, and stops its process again
          --data-dir DIR   where the gateway keeps its key, by which it knows that its operator asks for the two above
          --timeout TIME   how long it may take; 4s when left out, 60s with --server
        """,
        "import": """
        usage: sallyport import FILE

        Reads a Claude Desktop file (mcpServers), or the YAML of mcp-gateway (proxy, auth), and writes a Sallyport
        configuration to standard output: sallyport import claude_desktop_config.json > sallyport.yaml
        What does not mean the same here is told on standard error.

        Variables stay references: ${NAME} is read when the gateway starts.
        """,
        "connect": """
        usage: sallyport connect URL [--token-file FILE] [--no-browser] [--forget-login] [--allow-http] [--verbose]

        Makes a remote MCP server available to a local client that speaks stdio, in every revision that both know:
        {"command": "sallyport", "args": ["connect", "https://mcp.example.com/notes/mcp"]}

        A server that asks for a login gets one in your browser; tokens are kept in ~/.local/share/sallyport/remote, readable
        by you alone, and refreshed. call and list use the same login.

        \(remoteOptions)
        """,
        "call": """
        usage: sallyport call URL TOOL [JSON] [--json] [--timeout DURATION] [--token-file FILE] [--no-browser]
                              [--forget-login] [--allow-http] [--verbose]

        Calls one tool and prints what it says: sallyport call http://localhost:8080/demo/mcp add '{"a": 1, "b": 2}'
        Exit code 65 when the tool says that it failed, 69 when there is no answer.

          --json             the whole result as JSON
        \(remoteOptions)
        """,
        "list": """
        usage: sallyport list URL [--resources | --templates | --prompts] [--json] [--timeout DURATION]
                              [--token-file FILE] [--no-browser] [--forget-login] [--allow-http] [--verbose]

        Lists the tools of a server, or its resources, resource templates or prompts.

          --json             the whole definitions as JSON
        \(remoteOptions)
        """,
        "doctor": """
        usage: sallyport doctor URL [--client ID[,ID]] [--tool NAME [--arguments JSON]] [--no-login]
                                [--no-register] [--json] [--timeout DURATION] [--token-file FILE]
                                [--no-browser] [--forget-login] [--allow-http] [--verbose]

        Goes the way of each known client: the request without a token, the metadata, the registration, the page that
        its browser would open, and with a login the conversation itself: what the server announces is listed, by HTTP+SSE
        where a client falls back to it. The login is refreshed once, as clients do when the access token ends. Tells what
        each would stumble over and how to mend it. The server may be anybody's. Exit code 65 when a client does not get in.

          --client IDS       only these: claude, claude-code, chatgpt, vscode, cursor, gemini, inspector,
                             inspector-direct, typescript-sdk-1, typescript-sdk, python-sdk-1, python-sdk
          --tool NAME        also call this tool, with --arguments as JSON
          --no-login         look at the door only
          --no-register      register nothing; what is registered otherwise is removed where the server lets it
          --json             everything as JSON
        \(remoteOptions)
        """,
        "key": """
        usage: sallyport key list [--json]
               sallyport key rotate [--algorithm ES256|RS256|EdDSA] [--publish-ahead DURATION] [--json]
               sallyport key retire KID [--json]

        The keys that sign access tokens, in the same store as the gateway, whether it runs or not. A new key is
        published at once and signs after --publish-ahead, so that everybody who verifies knows it by then; tokens of
        the old one stay good until they expire, and it is retired by itself after a day. retire does it at once: every
        token of that key is refused from then on.

          --config FILE    the configuration of the gateway
          --data-dir DIR   its data directory (wins over the file)
          --json           the result as JSON
        """,
        "token": """
        usage: sallyport token create --user NAME [--name TEXT] [--resource SERVER[,SERVER]] [--scope "A B"]
                                      [--expires DURATION] [--json]
               sallyport token list [--user NAME] [--json]
               sallyport token revoke ID

        API keys: bearer tokens for programs that cannot log in. A key acts for its user and ends with them. It is printed
        once, to standard output; the store keeps a digest.

          --user NAME      the account that the key acts for
          --name TEXT      what to call it, to recognise it later
          --resource LIST  the servers where it counts; every one when left out
          --scope LIST     what it may do; everything that these servers offer when left out
          --expires TIME   how long it lives, like 30d or 12h; 90d when left out
          --config FILE    the configuration of the gateway
          --data-dir DIR   its data directory (wins over the file)
          --json           the result as JSON
        """,
        "demo-server": """
        usage: sallyport demo-server [--era legacy|modern]

        An MCP server on standard input and output for trying, diagnosing and testing. Tools: echo, whoami, headers,
        add, sleep, progress, log, elicit, sample, roots; a resource, a template, a prompt, a completion.

          --era ERA  legacy (the default): the revisions from 2024-11-05 to 2025-11-25; modern: 2026-07-28 alone
        """,
    ]

    /// What `connect`, `call` and `list` share: they reach the same servers.
    private static let remoteOptions = """
          --token-file FILE  an access token or API key; SALLYPORT_TOKEN in the environment does the same
          --no-browser       print the address of the login only
          --forget-login     log in anew, as somebody else perhaps
          --allow-http       send it unencrypted to other machines
          --verbose          tell on standard error what happens
        """
}
