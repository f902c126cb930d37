import AuthorizationServer
import OAuth

extension AuthorizationServerConfiguration {
    /// What the operator decided.
    init(_ configuration: Configuration) {
        self.init()
        let oauth = configuration.oauth
        accessTokenLifetime = oauth.accessTokenLifetime
        refreshTokenLifetime = oauth.refreshTokenLifetime
        rotation.graceMilliseconds = Int64(oauth.refreshGrace / .milliseconds(1))
        accessTokenAlgorithm = oauth.signingAlgorithm
        keyRotation = oauth.keyRotation
        introspectionClients = Set(oauth.introspectionClients.map { ClientID($0) })
        grants.requiresPushedRequests = oauth.requiresPushedRequests
        grants.devices.isEnabled = oauth.areDevicesEnabled
        grants.devices.lifetime = oauth.deviceCodeLifetime
        grants.acceptsIdentityAssertions = !oauth.identityAssertions.isEmpty
        registration.isEnabled = oauth.isRegistrationEnabled
        registration.idleLifetime = oauth.clientLifetime
        registration.perMinute = configuration.registrationsPerMinute
        allowsOutOfBand = oauth.allowsOutOfBand
        clients = oauth.clients
        clientDocuments.isEnabled = oauth.clientDocuments.isEnabled
        clientDocuments.allowedHosts = oauth.clientDocuments.allowedHosts
    }
}
