import HTTP

/// Markup in which every interpolated text is escaped: what a peer supplied cannot become an element (U03).
package struct HTML: Sendable, ExpressibleByStringInterpolation {
    /// Ready to be sent.
    package let markup: String

    package init(stringLiteral value: String) {
        markup = value
    }

    package init(stringInterpolation: StringInterpolation) {
        markup = stringInterpolation.markup
    }

    /// Nothing at all.
    static let empty: HTML = ""

    /// Literals stay as they are, texts are escaped, markup is kept.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate(set) var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + interpolationCount * 32)
        }

        package mutating func appendLiteral(_ literal: String) {
            markup += literal
        }

        package mutating func appendInterpolation(_ text: String) {
            markup += HTMLText.escape(text)
        }

        package mutating func appendInterpolation(_ html: HTML) {
            markup += html.markup
        }

        package mutating func appendInterpolation(_ parts: [HTML]) {
            for part in parts { markup += part.markup }
        }
    }
}
