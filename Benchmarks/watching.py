"""What it costs to be watched, and to be ruled: by processor time for each call."""

import json
import statistics

from contestants import Sallyport, processor
from tables import table


class Variant(Sallyport):
    """Sallyport with more in its configuration."""

    def __init__(self, work, name, settings=""):
        super().__init__(work)
        self.name = name
        self.configuration += settings

    def load(self, connections, seconds):
        """One round, with the gateway's processor time for each call: a load that comes and goes moves that less than rates."""
        begin = processor(self.process.pid)
        numbers = super().load(connections, seconds)
        used = processor(self.process.pid) - begin
        return numbers | {"cost": used * 1e6 / max(numbers["requests"], 1)}


def compare(options, title, variants):
    """Interleaved rounds of calls; what the others cost beyond the first."""
    results = {variant.name: [] for variant in variants}
    try:
        for variant in variants:
            variant.start()
            variant.load(64, 1)  # warm
        for _ in range(options.rounds):
            for variant in variants:
                results[variant.name].append(variant.load(64, options.seconds))
    finally:
        for variant in variants:
            variant.stop()
    base = statistics.median(report["cost"] for report in results[variants[0].name])
    rows = []
    for name, reports in results.items():
        cost, rate = (statistics.median(report[key] for report in reports) for key in ("cost", "rate"))
        errors = sum(report["status"] + report["socket"] for report in reports)
        rows.append([name, f"{cost:.1f}", f"{(cost / base - 1) * 100:+.1f} %", f"{rate:,.0f}", errors])
    table(f"tools/call over stdio, 64 connections: {title}", rows,
          ["", "µs of the gateway a call, median", "more", "calls/s, median", "errors"])


def watching(options):
    """Calls with the audit trail, without, with an access log beside it, and with the arguments in it."""
    compare(options, "what watching costs", [
        Variant(options.work, "without an audit trail", "audit: {enabled: false}\n"),
        Variant(options.work, "as it is by default"),
        Variant(options.work, "with the access log too", "logging: {level: {default: info, access: info}}\n"),
        Variant(options.work, "with arguments in the audit trail", "audit: {arguments: true}\n"),
    ])


def policy(options):
    """Calls without rules, and under a hundred of which the last that fits decides."""
    rules = {f"echo:tool_{number}_*": [f"scope:{number}"] for number in range(99)} | {"echo:*": ["scope:user"]}
    access = {"mappings": {"*": ["scope:user"]}, "permissions": rules}
    compare(options, "what a policy costs", [
        Variant(options.work, "everybody may use everything"),
        Variant(options.work, "100 rules", f"access: {json.dumps(access)}\n"),
    ])
