import HTTP
import JSON
import OAuth

/// The JSON body of a registration or of its change, bounded before it is looked at (A14).
enum RegistrationBody {
    private static let maximumDepth = 16

    /// Reads it; 413 where it is too large, `invalid_client_metadata` where it is no JSON object.
    static func read(_ body: HTTPRequestBody, limit: Int) async throws -> JSONDocument {
        let bytes: [UInt8]
        do throws(HTTPBodyError) {
            bytes = try await body.collect(upTo: limit)
        } catch .tooLarge {
            throw RegistrationRefusal.tooLarge
        } catch {
            // The client broke off, or is answered by the connection itself: nothing here has failed.
            throw OAuthError(.invalidClientMetadata, "the body cannot be read")
        }
        do {
            let document = try JSONDocument(
                parsing: bytes, limits: JSONLimits(maximumDepth: maximumDepth, maximumBytes: limit))
            guard document.root.isObject else { throw RegistrationBody.noObject }
            return document
        } catch let error as JSONSyntaxError {
            throw OAuthError(.invalidClientMetadata, "the body is not a JSON object: \(error)")
        }
    }

    private static let noObject = OAuthError(.invalidClientMetadata, "the body must be a JSON object")
}
