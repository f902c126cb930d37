import AuthorizationServer
import Crypto
import Gateway
import MCP
import Telemetry

/// The ledger of pins in the store that the authorization server has too: one for all gateways and commands.
struct StoredPins: PinLedger {
    /// Longest definition of which the text is kept; of others the digest says whether they changed.
    private static let maximumText = 64 << 10

    let store: any ToolPinStore
    let clock: WallClock

    func revision() async throws(PinLedgerError) -> Int64 {
        do throws(StoreError) {
            return try await store.toolPinRevision()
        } catch {
            throw PinLedgerError(detail: error.detail)
        }
    }

    func approvals() async throws(PinLedgerError) -> [String: [[UInt8]: Digest]] {
        let pins: [ToolPin]
        do throws(StoreError) {
            pins = try await store.toolPins(of: nil)
        } catch {
            throw PinLedgerError(detail: error.detail)
        }
        var approvals: [String: [[UInt8]: Digest]] = [:]
        for pin in pins {
            if let approved = pin.approved {
                approvals[pin.server, default: [:]][Array(pin.tool.utf8)] = approved.digest
            }
        }
        return approvals
    }

    func note(_ sighting: ToolSighting) async throws(PinLedgerError) {
        let definition = ToolPin.Definition(
            digest: sighting.definition.digest, text: Self.text(sighting.definition.text), since: clock.now())
        do throws(StoreError) {
            // What finds no room is not approved, which the gateway has told.
            _ = try await store.see(
                definition, of: String(decoding: sighting.definition.name, as: UTF8.self), at: sighting.server,
                trustsFirst: sighting.trustsFirst, capacity: ToolSighting.maximumTools)
        } catch {
            throw PinLedgerError(detail: error.detail)
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        guard bytes.count > maximumText else { return String(decoding: bytes, as: UTF8.self) }
        var end = maximumText
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
