package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: OneTimeUseStore {
    package func firstUse(
        _ key: SecretDigest, until: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        withState { state in
            let now = state.effective(now)
            guard now < until else { return false }
            if let previous = state.oneTimeUses[key], now < previous { return false }
            state.oneTimeUses[key] = until
            return true
        }
    }
}

extension MemoryStore: PushedRequestStore {
    package func push(_ request: PushedRequest, capacity: Int) async throws(StoreError) {
        withState { state in
            while state.pushedRequests.count >= max(1, capacity),
                let oldest = state.pushedRequests.min(by: {
                    ($0.value.record.pushedAt, $0.value.order) < ($1.value.record.pushedAt, $1.value.order)
                })
            {
                state.pushedRequests[oldest.key] = nil
            }
            state.pushedRequests[request.id] = state.ordered(request)
        }
    }

    package func take(
        _ id: SecretDigest, of client: ClientID, at now: Timestamp
    ) async throws(StoreError) -> PushedRequestTaking {
        withState { state in
            let now = state.effective(now)
            guard let request = state.pushedRequests[id]?.record else { return .unknown }
            guard request.client == client else { return .wrongClient }
            state.pushedRequests[id] = nil
            return now < request.expiresAt ? .taken(parameters: request.parameters) : .expired
        }
    }
}

extension MemoryStore: DeviceAuthorizationStore {
    package func begin(_ authorization: DeviceAuthorization, capacity: Int) async throws(StoreError) -> Bool {
        withState { state in
            while state.devices.count >= max(1, capacity),
                let oldest = state.devices.min(by: {
                    ($0.value.record.beganAt, $0.value.order) < ($1.value.record.beganAt, $1.value.order)
                })
            {
                state.devices[oldest.key] = nil
            }
            guard state.device(authorization.userCode) == nil else { return false }
            state.devices[authorization.id] = state.ordered(authorization)
            return true
        }
    }

    package func deviceAuthorization(userCode: SecretDigest) async throws(StoreError) -> DeviceAuthorization? {
        withState { $0.device(userCode) }
    }

    package func decide(
        _ id: SecretDigest, grant: GrantRecord?, at now: Timestamp
    ) async throws(StoreError) -> DeviceDecision {
        withState { state in
            let now = state.effective(now)
            guard let device = state.devices[id]?.record else { return .unknown }
            guard device.stage == .pending else { return .alreadyDecided }
            guard now < device.expiresAt else { return .expired }
            state.devices[id]?.record.stage = grant == nil ? .denied : .approved
            state.devices[id]?.record.grant = grant
            return .decided
        }
    }

    package func poll(
        _ id: SecretDigest, of client: ClientID, refreshToken: SecretDigest, keyThumbprint: String?, at now: Timestamp
    ) async throws(StoreError) -> DevicePoll {
        withState { state in
            let now = state.effective(now)
            guard let device = state.devices[id]?.record else { return .unknown }
            let outcome = device.poll(by: client, at: now)
            switch outcome {
            case .slowDown, .pending:
                state.devices[id]?.record.polledAt = now
                if outcome == .slowDown { state.devices[id]?.record.interval = device.slowerInterval }
                return outcome
            case .reused(let grant):
                _ = state.revoke(grant, at: now)
                return outcome
            case .redeemed(var grant):
                grant.keyThumbprint = keyThumbprint
                state.devices[id]?.record.stage = .redeemed
                state.open(grant, refreshToken: refreshToken, at: now)
                return .redeemed(grant)
            case .denied, .expired, .wrongClient, .unknown:
                return outcome
            }
        }
    }
}

extension MemoryStore.State {
    fileprivate func device(_ userCode: SecretDigest) -> DeviceAuthorization? {
        devices.values.first { $0.record.userCode == userCode }?.record
    }
}
