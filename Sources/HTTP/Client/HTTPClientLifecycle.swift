extension HTTPClient {
    /// Produces the next part of a request body: libcurl asks by a callback, which cannot wait. The task is cancelled
    /// when its transfer ends.
    func startUpload(_ id: TransferID, _ next: @escaping @Sendable () async throws -> [UInt8]?) -> Task<Void, Never> {
        Task(executorPreference: loop) {
            do {
                await self.provide(try await next(), to: id)
            } catch {
                await self.failUpload(id)
            }
        }
    }
}
