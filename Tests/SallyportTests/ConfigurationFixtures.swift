import Foundation
import TestSupport

@testable import Sallyport

/// A configuration file in a folder of its own.
final class ConfigurationFile {
    let directory: TemporaryDirectory
    let path: String

    init(_ text: String, name: String = "sallyport.yaml") throws {
        directory = try TemporaryDirectory("configuration")
        path = try directory.write(name, text)
    }

    /// What the file means, with these variables set.
    func load(_ environment: [String: String] = [:]) throws(ConfigurationError) -> Configuration {
        let variables = environment.merging(["HOME": directory.path, "PATH": "/usr/bin:/bin"]) { given, _ in given }
        return try ConfigurationLoader(overrides: ConfigurationOverrides(file: path), environment: variables).load()
    }

    /// What is wrong with it; empty when it loads.
    func errors(_ environment: [String: String] = [:]) -> [ConfigurationProblem] {
        do throws(ConfigurationError) {
            _ = try load(environment)
            return []
        } catch {
            return error.errors
        }
    }
}
