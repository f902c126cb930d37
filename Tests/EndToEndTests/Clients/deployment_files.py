"""Looks at what operators copy, as far as that can be done without Docker and without a cluster.

Helm's own engine lints and renders the chart, the schemas of Kubernetes judge what comes out, yamllint reads every YAML file,
and compose files may name only what is there. Prints one JSON object; `--write` writes Examples/kubernetes/manifests.yaml anew.
"""
import json
import pathlib
import sys

import kubernetes_validate
import yaml
from helm_python.chart import Chart, lint
from yamllint import linter
from yamllint.config import YamlLintConfig

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "Examples"
CHART = EXAMPLES / "kubernetes" / "sallyport"
MANIFESTS = EXAMPLES / "kubernetes" / "manifests.yaml"
KUBERNETES = "1.37"
VALUES = {"publicURL": "https://mcp.example.com"}
# Everything that templates decide by is set.
ALL_VALUES = {
    "publicURL": "https://mcp.example.com:8443",
    "replicas": 2,
    "configuration": {"storage": "file:/run/secrets/store", "servers": {"n8n": {"url": "https://n8n.example.com/mcp"}}},
    "environmentSecret": "sallyport-variables",
    "image": {"repository": "registry.example.com/sallyport", "tag": "1", "pullSecrets": [{"name": "registry"}]},
    "persistence": {"size": "2Gi", "storageClass": "fast"},
    "ingress": {"className": "nginx", "annotations": {"example.com/a": "b"}, "hosts": ["n8n.mcp.example.com"]},
    "autoscaling": {"enabled": True, "maxReplicas": 4},
    "prometheus": {"port": 9090},
    "podAnnotations": {"example.com/c": "d"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
REFUSED = {
    "no publicURL": {},
    "http": {"publicURL": "http://mcp.example.com"},
    "a path": {"publicURL": "https://mcp.example.com/x"},
    "two without a shared store": {**VALUES, "replicas": 2},
    "as many as needed without one": {**VALUES, "autoscaling": {"enabled": True}},
    "what the chart sets": {**VALUES, "configuration": {"listen": "0.0.0.0:1"}},
}
YAMLLINT = YamlLintConfig(
    "extends: default\n"
    "rules: {line-length: {max: 140}, document-start: disable, braces: {max-spaces-inside: 1}, "
    "truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}, comments-indentation: disable}\n"
)
HEAD = """# What the chart beside this file makes of
#
#   publicURL: https://mcp.example.com
#
# for clusters without Helm: change that address in the two places, then kubectl apply -f manifests.yaml
"""


def render(values):
    return Chart.load(str(CHART)).render(values, name="sallyport", namespace="default")


def documents(rendered):
    return [d for _, text in sorted(rendered.items()) for d in yaml.safe_load_all(text) if d]


def manifests():
    texts = [text.strip() for _, text in sorted(render(VALUES).items()) if text.strip()]
    return HEAD + "".join(f"---\n{text}\n" for text in texts)


def check_chart(problems):
    report = lint(str(CHART), VALUES, strict=True)
    problems += [f"helm lint: {m}" for m in report["messages"] if m["severity"] > 1] + report["errors"]
    found = {}
    for name, values in {"default": VALUES, "all": ALL_VALUES}.items():
        for document in documents(render(values)):
            try:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
            except Exception as error:
                problems.append(f"{name} {document['kind']}: {error}")
            if document["kind"] == "Ingress" and name == "all":
                hosts = [rule["host"] for rule in document["spec"]["rules"]]
                if hosts != ["mcp.example.com", "n8n.mcp.example.com"] or document["spec"]["tls"][0]["hosts"] != hosts:
                    problems.append(f"{name}: the ingress is for {hosts}")
            if document["kind"] == "ConfigMap":
                found[name] = document["data"]["sallyport.yaml"]
        most = [d["spec"]["maxReplicas"] for d in documents(render(values)) if d["kind"] == "HorizontalPodAutoscaler"]
        if most != ([4] if name == "all" else []):
            problems.append(f"{name}: autoscalers of {most}")
    for name, values in REFUSED.items():
        try:
            render(values)
            problems.append(f"the chart takes {name}")
        except Exception:
            pass
    if MANIFESTS.read_text() != manifests():
        problems.append("manifests.yaml is not what the chart makes: deployment_files.py --write")
    return found


def check_compose(path, problems):
    where = path.relative_to(ROOT)
    compose = yaml.safe_load(path.read_text())
    for name, service in compose["services"].items():
        unknown = set(service) - {
            "image", "command", "environment", "volumes", "ports", "restart", "labels", "healthcheck", "read_only",
            "tmpfs", "cap_drop", "security_opt", "stop_grace_period"}
        problems += [f"{where}: {name}: is {key} a key of compose files?" for key in sorted(unknown)]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not (path.parent / source).exists():
                    problems.append(f"{where}: {name}: {source} is not there")
            elif not source.startswith("/") and source not in compose.get("volumes", {}):
                problems.append(f"{where}: {name}: volume {source} is not declared")


def main():
    if sys.argv[1:] == ["--write"]:
        MANIFESTS.write_text(manifests())
        return
    problems = []
    configurations = check_chart(problems)
    files = [p for p in sorted(EXAMPLES.rglob("*.yaml")) if "templates" not in p.parts]
    for path in files:
        for problem in linter.run(path.read_text(), YAMLLINT):
            problems.append(f"{path.relative_to(ROOT)}:{problem.line}: {problem.desc}")
    compose = [p for p in files if p.name == "compose.yaml"]
    for path in compose:
        check_compose(path, problems)
    print(json.dumps({
        "problems": problems, "configurations": configurations, "compose": [str(p.relative_to(ROOT)) for p in compose]}))


main()
