import JSON

extension ClientProfile {
    /// The clients that are known, the most particular first. They change: each says from what it is known.
    static let known: [ClientProfile] = [
        claude, claudeCode, chatGPT, visualStudioCode, cursor, geminiCLI, inspector, inspectorPage, typeScript,
        typeScript2, python, python2,
    ]

    private static let native = JSONValue.Member("application_type", "native")

    private static let claude = ClientProfile(
        id: "claude", name: "Claude.ai and Claude Desktop", asOf: "vendor documentation and captures, September 2026",
        isHosted: true, probesAnyType: true, resourceMatch: .sameOrIgnored, pkce: .mustBeListed,
        defaults: .atServer, document: "https://claude.ai/oauth/mcp-oauth-client-metadata", clientName: "Claude",
        redirectURIs: ["https://claude.ai/api/mcp/auth_callback"], metadata: [.init("application_type", "web")])

    private static let claudeCode = ClientProfile(
        id: "claude-code", name: "Claude Code", asOf: "vendor documentation and captures, September 2026",
        isModern: true, loginStatuses: [401, 403], pkce: .mustNotBeMissing, errorRule: .fails, failsOnPages: true,
        document: "https://claude.ai/oauth/claude-code-client-metadata", readsRegistrationStrictly: true,
        clientName: "Claude Code (doctor)", redirectURIs: ["http://localhost:3118/callback"], metadata: [native])

    private static let chatGPT = ClientProfile(
        id: "chatgpt", name: "ChatGPT", asOf: "vendor documentation, 2026; its registration is not published",
        isHosted: true, isModern: true, needsResourceMetadata: true, checksIssuer: true, pkce: .mustBeListed,
        failsOnPages: true, defaults: .none, document: "https://chatgpt.com/oauth/client.json",
        clientName: "ChatGPT", redirectURIs: ["https://chatgpt.com/connector_platform_oauth_redirect"])

    private static let visualStudioCode = ClientProfile(
        id: "vscode", name: "VS Code", asOf: "its source, July 2026", fallsBackToEvents: true,
        loginStatuses: [401, 403], resourceMatch: .sameOrIgnored, defaults: .atServer,
        document: "https://vscode.dev/oauth/client-metadata.json", clientName: "Visual Studio Code",
        redirectURIs: [
            "http://127.0.0.1:33418/", "https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect",
            "http://127.0.0.1/",
        ], metadata: [.init("client_uri", "https://code.visualstudio.com"), native])

    private static let cursor = ClientProfile(
        id: "cursor", name: "Cursor", asOf: "vendor documentation and issues, 2026; it follows the TypeScript SDK",
        fallsBackToEvents: true, pkce: .mustNotBeMissing, errorRule: .fails, failsOnPages: true,
        readsRegistrationStrictly: true, clientName: "Cursor",
        redirectURIs: [
            "cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
        ])

    private static let geminiCLI = ClientProfile(
        id: "gemini", name: "Gemini CLI", asOf: "its source, 0.57", version: "2025-06-18",
        versions: ["2025-06-18", "2025-03-26", "2024-11-05"], fallsBackToEvents: true, asksHead: true,
        trustsChallengeAlone: true, resourceMatch: .same, defaults: .none, clientName: "Gemini CLI MCP Client",
        redirectURIs: ["http://localhost:7777/oauth/callback"], metadata: [.init("scope", "")])

    private static let inspector = ClientProfile(
        id: "inspector", name: "MCP Inspector", asOf: "its source, 2.3", checksIssuer: true,
        pkce: .mustNotBeMissing, errorRule: .fails, failsOnPages: true, readsRegistrationStrictly: true,
        clientName: "MCP Inspector", redirectURIs: ["http://localhost:6274/oauth/callback"],
        metadata: [
            .init("client_uri", "https://github.com/modelcontextprotocol/inspector"), .init("scope", ""), native,
        ])

    private static let inspectorPage = ClientProfile(
        id: "inspector-direct", name: "MCP Inspector 1 (in the browser)", asOf: "its source, 1.0",
        pageOrigin: "http://localhost:6274", pkce: .mustNotBeMissing, errorRule: .fails, failsOnPages: true,
        readsRegistrationStrictly: true, clientName: "MCP Inspector",
        redirectURIs: ["http://localhost:6274/oauth/callback", "http://localhost:6274/oauth/callback/debug"],
        metadata: [.init("client_uri", "https://github.com/modelcontextprotocol/inspector")])

    private static let typeScript = ClientProfile(
        id: "typescript-sdk-1", name: "TypeScript SDK 1", asOf: "its source, 1.30", trustsChallengeAlone: true,
        pkce: .mustNotBeMissing, errorRule: .fails, failsOnPages: true, readsRegistrationStrictly: true,
        clientName: "Doctor", redirectURIs: ["http://localhost:8090/callback"])

    private static let typeScript2 = ClientProfile(
        id: "typescript-sdk", name: "TypeScript SDK 2", asOf: "its source, 2.0", isModern: true,
        trustsChallengeAlone: true, checksIssuer: true, pkce: .mustNotBeMissing, errorRule: .fails,
        failsOnPages: true, readsRegistrationStrictly: true, clientName: "Doctor",
        redirectURIs: ["http://localhost:8090/callback"], metadata: [native])

    private static let python = ClientProfile(
        id: "python-sdk-1", name: "Python SDK 1", asOf: "its source, 1.x of August 2026", errorRule: .usesDefaults,
        defaults: .atServer, clientName: "Doctor", redirectURIs: ["http://localhost:8090/callback"])

    private static let python2 = ClientProfile(
        id: "python-sdk", name: "Python SDK 2", asOf: "its source, 2.x of August 2026", isModern: true,
        checksIssuer: true, errorRule: .usesDefaults, defaults: .atServer, clientName: "Doctor",
        redirectURIs: ["http://localhost:8090/callback"], metadata: [native])
}
