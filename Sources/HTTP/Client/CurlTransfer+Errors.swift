internal import CCurl

extension CurlTransfer {
    /// What a result of libcurl means to who asked; `words` is what it says of this one, `hasSocket` where it got as far as a
    /// connection.
    static func error(_ result: CURLcode, _ words: String, hasSocket: Bool) -> HTTPClientError {
        let detail = unsafe String(cString: curl_easy_strerror(result))
        switch result {
        // The same code for a scheme that the policy forbids and for an answer that is not HTTP.
        case CURLE_UNSUPPORTED_PROTOCOL: return HTTPClientError(hasSocket ? .invalidResponse : .refused, detail)
        case CURLE_URL_MALFORMAT: return HTTPClientError(.refused, detail)
        case CURLE_COULDNT_RESOLVE_HOST: return HTTPClientError(.unresolved, detail)
        case CURLE_COULDNT_CONNECT: return HTTPClientError(.connectFailed, detail)
        case CURLE_OPERATION_TIMEDOUT: return HTTPClientError(.timeout, detail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE:
            // Which of the many reasons for which a certificate is refused.
            return HTTPClientError(.tlsFailed, words.isEmpty ? detail : words)
        case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND:
            return HTTPClientError(.disconnected, detail)
        default: return HTTPClientError(.invalidResponse, detail)
        }
    }
}
