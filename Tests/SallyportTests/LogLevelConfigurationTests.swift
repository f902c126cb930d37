import Telemetry
import Testing

@testable import Sallyport

@Suite("Levels of the log, as configured")
struct LogLevelConfigurationTests {
    @Test("a level is for all modules, or for each that is named and for the others")
    func levels() throws {
        func levels(_ text: String) throws -> LogLevels {
            try ConfigurationFile("logging: {level: \(text)}\n").load().logging.levels
        }
        #expect(try levels("warning") == LogLevels(.warning))
        #expect(try levels("{default: error}") == LogLevels(.error))
        #expect(
            try levels("{http: debug, external-issuer: trace}")
                == LogLevels(.info, modules: [.http: .debug, .externalIssuer: .trace]))
        #expect(try levels("{default: error, tls: info}") == LogLevels(.error, modules: [.tls: .info]))
        #expect(try ConfigurationFile("").load().logging.levels == LogLevels(.info))
    }
}
