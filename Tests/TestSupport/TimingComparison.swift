import Foundation

/// Tells by Welch's t whether two kinds of input take different times (dudect, Reparaz, Balasch, Verbauwhede 2017).
package enum TimingComparison {
    /// From here on two means differ.
    package static let threshold = 4.5

    /// A kind of input.
    package enum Kind: Sendable {
        case first
        case other
    }

    /// The least that a few rounds found: what depends on the input shows in each of them and always the same way round, noise
    /// does not.
    ///
    /// Each round has inputs of its own, all of which stay: where in memory an input lies makes a difference, too, which is the
    /// same as long as it lies there. So by turns one kind is made first and the other, and both are compared by the same code:
    /// `make` makes an input and returns what compares it, which says false.
    package static func leastDifference(
        rounds: Int = 10, samples: Int = 2000, batch: Int = 20, _ make: (Kind) -> () -> Bool
    ) -> Double {
        var (least, greatest) = (Double.infinity, -Double.infinity)
        var made: [() -> Bool] = []
        for round in 0..<rounds {
            let kinds: [Kind] = round.isMultiple(of: 2) ? [.first, .other] : [.other, .first]
            let comparisons = kinds.map(make)
            made += comparisons
            let found = difference(samples: samples, batch: batch, comparisons[0], comparisons[1])
            // Nothing was measured: that is no flat time.
            guard found.isFinite else { return .infinity }
            let difference = kinds[0] == .first ? found : -found
            (least, greatest) = (min(least, difference), max(greatest, difference))
            if least < threshold, greatest > -threshold { break }
        }
        return max(0, least, -greatest)
    }

    /// Welch's t of one round: both kinds mixed in an order that nothing can learn, the slowest tenth left out.
    private static func difference(samples: Int, batch: Int, _ first: () -> Bool, _ second: () -> Bool) -> Double {
        var times: [[Double]] = [[], []]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<samples {
            let isFirst = Bool.random(using: &generator)
            let body = isFirst ? first : second
            let began = DispatchTime.now().uptimeNanoseconds
            for _ in 0..<batch where body() { return .infinity }
            times[isFirst ? 0 : 1].append(Double(DispatchTime.now().uptimeNanoseconds &- began))
        }
        let all = times.flatMap(\.self).sorted()
        let limit = all[all.count * 9 / 10]
        let kept = times.map { $0.filter { $0 <= limit } }
        guard kept.allSatisfy({ $0.count > 100 }) else { return .infinity }
        let means = kept.map { $0.reduce(0, +) / Double($0.count) }
        let variances = zip(kept, means).map { values, mean in
            values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1) / Double(values.count)
        }
        return (means[0] - means[1]) / (variances[0] + variances[1]).squareRoot()
    }
}
