import HTTP
import Testing

@testable import Sallyport

/// When requests and connections are refused for lack of memory.
@Suite struct MemoryWatchTests {
    @Test("F19: requests are refused from 90 % on and connections from 95 %, and below 85 % all is as before")
    func levels() {
        var level = MemoryPressure.Level.calm
        for (share, expected) in [
            (0.0, .calm), (0.85, .calm), (0.899, .calm), (0.9, .high), (0.899, .high), (0.95, .critical),
            (1.2, .critical),
            (0.949, .high), (0.85, .high), (0.849, .calm), (0.899, .calm), (0.99, .critical), (0.86, .high),
            (0.2, .calm),
        ] as [(Double, MemoryPressure.Level)] {
            level = MemoryWatch.level(at: share, after: level)
            #expect(level == expected, "\(share)")
        }
    }
}
