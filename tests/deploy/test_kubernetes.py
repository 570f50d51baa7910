"""The manifests against Kubernetes' own schemas, and against its restricted Pod Security Standard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from mover.settings import Settings

pytestmark = [pytest.mark.promise("isolation")]

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.34")
# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def kustomization() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    return found


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            for document in yaml.safe_load_all(path.read_text()):
                yield path.name, document


DOCUMENTS = [
    pytest.param(one, id=f"{file}:{one['kind']}:{one['metadata']['name']}") for file, one in documents()
]
TEMPLATES: dict[str, dict[str, Any]] = {
    one["metadata"]["name"]: one["spec"]["template"]
    for _, one in documents()
    if one["kind"] in {"Deployment", "Job", "StatefulSet", "DaemonSet"}
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_follows_the_schema_of_its_kind(document):
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


def test_a_misspelt_field_is_found():
    (api,) = [
        one for _, one in documents() if (one["kind"], one["metadata"]["name"]) == ("Deployment", "mover-api")
    ]
    api["spec"]["template"]["spec"]["containers"][0]["securityContexts"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(api, VERSIONS[0], strict=True)


def violations(spec: dict[str, Any]) -> list[str]:
    """What the restricted standard forbids or misses."""
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(name)]
    of_pod = spec.get("securityContext", {})
    found += [
        f"volume {one['name']}" for one in spec.get("volumes", ()) if not (one.keys() - {"name"}) <= VOLUMES
    ]
    found += ["sysctls"] if of_pod.get("sysctls") else []
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        own = container.get("securityContext", {})
        name = container["name"]
        both = {**of_pod, **own}
        wrong = {
            "privileged": own.get("privileged", False) is not False,
            "escalation": own.get("allowPrivilegeEscalation") is not False,
            "capabilities dropped": own.get("capabilities", {}).get("drop") != ["ALL"],
            "capabilities added": bool(
                set(own.get("capabilities", {}).get("add", ())) - {"NET_BIND_SERVICE"}
            ),
            "root": both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0,
            "seccomp": both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
            "host port": any("hostPort" in port for port in container.get("ports", ())),
            "proc": own.get("procMount", "Default") != "Default",
        }
        found += [f"{name}: {what}" for what, is_so in wrong.items() if is_so]
    return found


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_pod_keeps_the_restricted_standard_and_more(name):
    spec = TEMPLATES[name]["spec"]
    assert violations(spec) == []
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] not in {"", "default"}
    mounted = {mount["mountPath"] for one in spec["containers"] for mount in one["volumeMounts"]}
    assert {"/var/lib/mover", "/tmp"} <= mounted
    for volume in spec["volumes"]:
        assert volume.get("emptyDir", {"sizeLimit": 1}).get("sizeLimit")
        assert volume.get("secret", {"defaultMode": 0o440})["defaultMode"] == 0o440
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
        assert set(container["resources"]["requests"]) == {"cpu", "memory", "ephemeral-storage"}


def test_a_pod_that_breaks_the_standard_is_found():
    spec = TEMPLATES["mover-api"]["spec"]
    bad = {**spec, "hostNetwork": True, "volumes": [{"name": "x", "hostPath": {"path": "/"}}]}
    bad["containers"] = [{**spec["containers"][0], "securityContext": {"privileged": True}}]
    assert {"hostNetwork", "volume x", "api: privileged", "api: capabilities dropped"} <= set(violations(bad))


def test_the_namespace_enforces_the_restricted_standard():
    (namespace,) = [one for _, one in documents() if one["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert namespace["metadata"]["name"] == kustomization()["namespace"]


def test_every_file_is_applied_and_the_image_is_named_by_its_digest():
    named = kustomization()
    assert set(named["resources"]) == {file for file, _ in documents()}
    (image,) = named["images"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])
    assert "newTag" not in image
    used = {one["image"] for template in TEMPLATES.values() for one in template["spec"]["containers"]}
    assert used == {image["name"]}


def test_no_secret_stands_in_them_and_what_is_set_are_settings():
    assert not any(one["kind"] == "Secret" for _, one in documents())
    names: set[str] = set()
    for _, one in documents():
        if one["kind"] == "ConfigMap":
            names |= set(one["data"])
    for template in TEMPLATES.values():
        for container in template["spec"]["containers"]:
            names |= {each["name"] for each in container["env"]}
    fields = {name.removeprefix("MOVER_").lower() for name in names} - {"settings_file"}
    assert fields <= set(Settings.model_fields)


def test_the_schemas_job_has_no_key_and_runners_accept_nothing():
    pods = {name: template["spec"] for name, template in TEMPLATES.items()}
    secrets = {
        name: {one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one}
        for name, spec in pods.items()
    }
    assert secrets["mover-db-upgrade"] == {"mover-owner-settings"}
    assert "mover-global-key" in secrets["mover-api"] & secrets["mover-runner"]
    assert not any("ports" in one for one in pods["mover-runner"]["containers"])
    services = [one for _, one in documents() if one["kind"] == "Service"]
    assert all(one["spec"]["selector"]["app.kubernetes.io/component"] != "runner" for one in services)


def test_rollouts_and_disruptions_leave_somebody_at_work():
    for name in ("mover-api", "mover-web", "mover-runner"):
        (deployment,) = [
            one for _, one in documents() if one["kind"] == "Deployment" and one["metadata"]["name"] == name
        ]
        (budget,) = [
            one
            for _, one in documents()
            if one["kind"] == "PodDisruptionBudget" and one["metadata"]["name"] == name
        ]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert (
            budget["spec"]["selector"]["matchLabels"]
            == deployment["spec"]["selector"]["matchLabels"]
            == labels
        )
        assert deployment["spec"]["replicas"] >= 2
        for spread in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"] == labels
    for name in ("mover-api", "mover-web"):
        (serving,) = TEMPLATES[name]["spec"]["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(serving)
        (port,) = serving["ports"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert serving[probe]["httpGet"]["scheme"] == "HTTPS"
            assert serving[probe]["httpGet"]["port"] == port["name"]


def test_the_pages_have_no_key_reach_little_and_have_time_to_end():
    spec = TEMPLATES["mover-web"]["spec"]
    (web,) = spec["containers"]
    secrets = {one["secret"]["secretName"]: one["secret"] for one in spec["volumes"] if "secret" in one}
    assert set(secrets) == {"mover-web-settings", "mover-web-tls", "mover-tls"}
    assert [one["key"] for one in secrets["mover-tls"]["items"]] == ["ca.crt"]  # and not the API's key
    set_to = {one["name"]: one["value"] for one in web["env"]}
    assert not {"MOVER_GLOBAL_KEY_FILE", "MOVER_GLOBAL_KEY_SOURCE"} & set(set_to)
    assert set_to["MOVER_API_URL"] == f"https://mover-api.{kustomization()['namespace']}.svc"
    assert spec["terminationGracePeriodSeconds"] >= float(set_to["MOVER_WEB_DRAIN_S"]) + 15
    policies = {
        one["metadata"]["name"]: one["spec"] for _, one in documents() if one["kind"] == "NetworkPolicy"
    }
    reached = {
        to["podSelector"]["matchLabels"].get("app.kubernetes.io/component", "dns"): {
            port["port"] for port in rule["ports"]
        }
        for rule in policies["mover-web"]["egress"]
        for to in rule["to"]
    }
    assert reached == {"api": {8443}, "database": {5432}, "dns": {53}}
    for name, port in (("mover-api-from-web", 8443), ("mover-database-from-web", 5432)):
        (rule,) = policies[name]["ingress"]
        assert rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "web"
        assert [one["port"] for one in rule["ports"]] == [port]


def test_each_component_has_a_policy_of_its_own():
    policies = [one["spec"] for _, one in documents() if one["kind"] == "NetworkPolicy"]
    for name, template in TEMPLATES.items():
        labels = template["metadata"]["labels"]
        own = [one for one in policies if one["podSelector"].get("matchLabels") == labels]
        assert any(one["policyTypes"] == ["Ingress", "Egress"] for one in own), name
