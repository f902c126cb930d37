// swift-tools-version: 6.2
import Foundation
import PackageDescription

// Continuous integration sets this so that a warning cannot land.
let strict = Context.environment["SALLYPORT_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// A module of the program; the arrows of `docs/architecture.md` are these dependencies.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The unit tests of one module.
func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.init(stringLiteral: name), "TestSupport"] + dependencies,
        swiftSettings: settings)
}

/// What is installed in the environments of Python for the end-to-end tests, which `./test` makes: no sources and no resources.
let environments = try FileManager.default
    .contentsOfDirectory(atPath: Context.packageDirectory + "/Tests/EndToEndTests")
    .filter { $0.hasPrefix("requirements-") }.sorted()

// `./bench` sets this: nobody else builds what only measures.
let benchmarks: [Target] =
    Context.environment["SALLYPORT_BENCHMARKS"] == "1"
    ? [
        .executableTarget(
            name: "verification", dependencies: ["OAuth", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"],
            path: "Benchmarks/Verification", swiftSettings: settings)
    ] : []

let package = Package(
    name: "sallyport",
    products: [.executable(name: "sallyport", targets: ["Sallyport"])],
    targets: [
        // C and C++ libraries: each is imported by exactly one module (Scripts/check-imports).
        .systemLibrary(name: "CLibUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CBeast"),
        .target(name: "CArguments"),

        module("JSON", []),
        module("Telemetry", ["JSON"]),
        module("Crypto", ["COpenSSL", "Telemetry", "JSON"]),
        module("AsyncIO", ["CLibUV", "CArguments", "Crypto", "Telemetry", "JSON"]),
        module("HTTP", ["CBeast", "CCurl", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        module("OAuth", ["HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        module("MCP", ["HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        module("AuthorizationServer", ["OAuth", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        module("Gateway", ["OAuth", "MCP", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        module(
            "Storage",
            [
                "CSQLite", "CHiredis", "AuthorizationServer", "Gateway", "OAuth", "MCP", "HTTP", "AsyncIO", "Crypto",
                "Telemetry", "JSON",
            ]),
        .executableTarget(
            name: "Sallyport",
            dependencies: [
                "CYAML", "AuthorizationServer", "Gateway", "Storage", "OAuth", "MCP", "HTTP", "AsyncIO", "Crypto",
                "Telemetry", "JSON",
            ],
            swiftSettings: settings),

        .target(
            name: "TestSupport", dependencies: ["HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"],
            path: "Tests/TestSupport", swiftSettings: settings),
        tests(of: "JSON"),
        tests(of: "Telemetry", ["Crypto", "JSON"]),
        tests(of: "Crypto", ["Telemetry", "JSON"]),
        tests(of: "AsyncIO", ["Crypto", "Telemetry", "JSON"]),
        tests(of: "HTTP", ["AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(of: "OAuth", ["HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(of: "MCP", ["HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(of: "AuthorizationServer", ["Storage", "OAuth", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(of: "Gateway", ["OAuth", "MCP", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(
            of: "Storage",
            ["AuthorizationServer", "Gateway", "OAuth", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"]),
        tests(
            of: "Sallyport",
            [
                "AuthorizationServer", "Gateway", "Storage", "OAuth", "MCP", "HTTP", "AsyncIO", "Crypto", "Telemetry",
                "JSON",
            ]),
        // The built binary with real clients, servers and browsers.
        .testTarget(
            name: "EndToEndTests", dependencies: ["TestSupport", "HTTP", "AsyncIO", "Crypto", "Telemetry", "JSON"],
            // Played by Python, in environments that ./test makes.
            exclude: ["Clients", "Providers"] + environments,
            swiftSettings: settings),
    ] + benchmarks,
    cxxLanguageStandard: .cxx17
)
