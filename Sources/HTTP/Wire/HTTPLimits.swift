/// Bounds of a request's head and coding (H04, H07). They come before any allocation of that size.
package struct HTTPLimits: Sendable {
    /// The request line: beyond it 414.
    package var lineBytes = 8192
    /// One field, name and value: beyond it 431.
    package var fieldBytes = 8192
    /// All of the head: beyond it 431.
    package var headBytes = 32_768
    /// The number of fields: beyond it 431.
    package var fieldCount = 100
    /// All chunk extensions of one request together: beyond it 400.
    package var chunkExtensionBytes = 4096

    /// The defaults.
    package init() {}
}
