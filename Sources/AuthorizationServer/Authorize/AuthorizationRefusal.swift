import HTTP

/// Why an authorization request is answered with a page of our own and sent nowhere.
enum AuthorizationRefusal: Error {
    case missingClient
    case unknownClient
    case unreadableClient
    case unreachableClient
    case missingRedirectURI
    case redirectURIMismatch(client: String)
    case repeatedParameter(String)
    case unreadable
    case pushedRequestGone
    case foreignRequestURI
    case transactionGone
    case transactionOver
    case otherBrowser
    case otherUser
    case forgedForm
    case signedOut
    case tooManyRequests(seconds: Int)

    /// A word for our log.
    var reason: String {
        switch self {
        case .missingClient: "missing_client"
        case .unknownClient: "unknown_client"
        case .unreadableClient: "unreadable_client"
        case .unreachableClient: "unreachable_client"
        case .missingRedirectURI: "missing_redirect_uri"
        case .redirectURIMismatch: "redirect_uri_mismatch"
        case .repeatedParameter: "repeated_parameter"
        case .unreadable: "unreadable"
        case .pushedRequestGone: "pushed_request_gone"
        case .foreignRequestURI: "foreign_request_uri"
        case .transactionGone: "transaction_gone"
        case .transactionOver: "transaction_over"
        case .otherBrowser: "other_browser"
        case .otherUser: "other_user"
        case .forgedForm: "forged_form"
        case .signedOut: "signed_out"
        case .tooManyRequests: "too_many_requests"
        }
    }

    /// The status of the page.
    var status: HTTPStatus {
        switch self {
        case .transactionGone, .transactionOver, .otherBrowser, .otherUser, .forgedForm, .signedOut: .forbidden
        case .tooManyRequests: .tooManyRequests
        case .unreachableClient: .serviceUnavailable
        default: .badRequest
        }
    }

    /// The page: what happened and the way forward.
    var message: MessagePage {
        switch self {
        case .missingClient, .unknownClient: AuthorizationRefusal.unknownClientMessage
        case .unreadableClient: AuthorizationRefusal.unreadableClientMessage
        case .unreachableClient: AuthorizationRefusal.unreachableClientMessage
        case .missingRedirectURI, .redirectURIMismatch, .repeatedParameter, .unreadable, .pushedRequestGone,
            .foreignRequestURI:
            requestMessage
        case .transactionGone, .transactionOver, .otherBrowser, .otherUser, .forgedForm: transactionMessage
        case .signedOut:
            MessagePage(
                title: "You are signed out",
                explanation: "This page is from a time when you were signed in here.",
                wayForward: "Nothing was changed. Sign in again, or start again from the application.",
                link: ("Sign in again", "/login"))
        case .tooManyRequests(let seconds):
            MessagePage(
                title: "Too many requests", explanation: "This address has asked too often.",
                wayForward: "Wait \(seconds) seconds and try again.")
        }
    }

    private static let unknownClientMessage = MessagePage(
        title: "This application is not known here",
        explanation: "The application that sent you has not registered with this server, or its registration is gone.",
        wayForward: "Go back to the application, remove its saved sign-in for this server, and connect again.")

    private static let unreadableClientMessage = MessagePage(
        title: "This application cannot be accepted",
        explanation:
            "It says who it is by a document at its own address, and this server does not accept that document.",
        wayForward:
            "Nothing was sent. Its maker has to correct the document; whoever runs this server finds why in the log.")

    private static let unreachableClientMessage = MessagePage(
        title: "The application cannot be looked up right now",
        explanation: "It says who it is by a document at its own address, and that address does not answer.",
        wayForward: "Try again in a minute.")

    private var requestMessage: MessagePage {
        switch self {
        case .redirectURIMismatch(let client):
            MessagePage(
                title: "The answer would go to the wrong place",
                explanation: "The address to which \(client) wants your sign-in sent is not the one it registered.",
                wayForward: "Nothing was sent. If you have just updated the application, let it register again.")
        case .pushedRequestGone:
            MessagePage(
                title: "This request is over",
                explanation: "It was used already, is older than a minute, or belongs to another application.",
                wayForward: "Nothing was sent. Go back to the application and connect again.")
        case .foreignRequestURI:
            MessagePage(
                title: "The request is not here",
                explanation:
                    "The application says that its request is kept somewhere else (request_uri). This server follows only "
                    + "references that it gave out itself, and fetches nothing.",
                wayForward: "Nothing was sent. The application that sent you has to be corrected.")
        case .repeatedParameter(let name):
            MessagePage(
                title: "The request is ambiguous", explanation: "It carries \(name) more than once.",
                wayForward: "Nothing was sent. The application that sent you has to be corrected.")
        default:
            MessagePage(
                title: "The request cannot be read",
                explanation: "The application that sent you left out something, or it was damaged on the way.",
                wayForward: "Go back to the application and connect again.")
        }
    }

    private var transactionMessage: MessagePage {
        switch self {
        case .transactionOver:
            MessagePage(
                title: "This was answered already",
                explanation: "The sign-in that this page belonged to has ended, here or in another tab.",
                wayForward: "If the application is still waiting, start again from there.")
        case .otherBrowser:
            MessagePage(
                title: "This sign-in began in another browser",
                explanation: "To keep others from finishing a sign-in in your name, it can only go on where it began.",
                wayForward: "Start again from the application, in this browser.")
        case .otherUser:
            MessagePage(
                title: "You are signed in as somebody else now",
                explanation: "The question on this page was asked of another account.",
                wayForward: "Start again from the application.")
        case .forgedForm:
            MessagePage(
                title: "This form did not come from this page",
                explanation: "It was sent by another site, or the page was open for too long.",
                wayForward: "Start again from the application.")
        default:
            MessagePage(
                title: "This sign-in has expired",
                explanation: "A sign-in has to be finished within ten minutes.",
                wayForward: "Go back to the application and connect again.")
        }
    }
}
