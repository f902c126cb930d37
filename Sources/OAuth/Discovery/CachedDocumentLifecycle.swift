extension CachedDocument {
    /// Fetches in a task of its own: it serves every caller, so none of them can cancel it. The client's time limit ends
    /// it.
    func startLoading() -> Task<Result<Value, DocumentFailure>, Never> {
        Task(executorPreference: loop) {
            let result: Result<Value, DocumentFailure>
            do throws(DocumentFailure) {
                result = .success(try await self.load())
            } catch {
                result = .failure(error)
            }
            await self.finish(result)
            return result
        }
    }
}
