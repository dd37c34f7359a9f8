"""What stands in for a program: FOLDER NAME ARGUMENTS… It answers as the real one was seen to, and records the call.

Hundreds of them start in a test run, so it imports the least that it can.
"""
# ruff: noqa: PTH105, PTH123

from __future__ import annotations

import json
import os
import sys

FOLDER, NAME, WORDS = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(f"{FOLDER}/world", encoding="utf-8") as _file:
    WORLD: dict = json.load(_file)
KINDS = {
    "dataalchemystacks.dataalchemy.io": "dataalchemystack",
    "das": "dataalchemystack",
    "crd": "customresourcedefinition",
}
CLUSTER_WIDE = {"namespace", "clusterrole", "clusterrolebinding", "customresourcedefinition"}
GOOD = [
    {"type": "Ready", "status": "True", "reason": "AllReady", "message": "Ready."},
    {"type": "Progressing", "status": "False", "reason": "Reconciling", "message": "Ready."},
    {"type": "Degraded", "status": "False", "reason": "AsExpected", "message": "Ready."},
]
ENDPOINTS = {"dagster": "http://127.0.0.1:3000", "s3": "http://127.0.0.1:9000"}
STATUSES: dict = {
    "silent": {},
    "progressing": {"phase": "Progressing", "message": "Waiting for lake (starting).", "conditions": []},
    "paused": {"phase": "Paused", "message": "Paused.", "conditions": []},
    "ready": {"phase": "Ready", "message": "Ready.", "conditions": GOOD, "endpoints": ENDPOINTS},
    "degraded": {
        "phase": "Degraded",
        "message": "No class.",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "NoStorageClass", "message": "No class. Name one."},
            {"type": "Degraded", "status": "True", "reason": "NoStorageClass", "message": "No class. Name one."},
            {"type": "Progressing", "status": "False", "reason": "Reconciling", "message": "not told"},
        ],
    },
}


def flag(name: str) -> str | None:
    return next((word.partition("=")[2] for word in WORDS if word.startswith(f"--{name}=")), None)


def fail(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.exit(1)


def key(kind: str, name: str, namespace: str | None = None) -> str:
    kind = KINDS.get(kind.lower(), kind.lower())
    place = "" if kind in CLUSTER_WIDE else namespace or flag("namespace") or "default"
    return f"{kind}/{place}/{name}"


def objects_given(given: str) -> list[dict]:
    if given.startswith("{"):
        return [json.loads(given)]
    import yaml

    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of the definition's 700 lines, a tenth of the time
    return [one for one in yaml.load_all(given, Loader=fast) if one]


def store(one: dict) -> None:
    meta = one["metadata"]
    place = key(one["kind"], meta["name"], meta.get("namespace"))
    old = WORLD["objects"].get(place, {})
    meta.setdefault("namespace", place.split("/")[1])
    same = old.get("spec") == one.get("spec")
    meta["generation"] = old.get("metadata", {}).get("generation", 0) + (0 if same else 1)
    WORLD["objects"][place] = one


def seen(one: dict) -> dict:
    """A stack with the status whose turn it is; the last one stays."""
    if one["kind"] == "Deployment":
        available = {"type": "Available", "status": "False", "message": "No minimum availability."}
        down = WORLD.get("down") or not one.get("spec")
        return {**one, "status": {"conditions": [available]} if down else {"availableReplicas": 1}}
    if one["kind"] != "DataAlchemyStack":
        return one
    turn = WORLD["statuses"][0]
    if len(WORLD["statuses"]) > 1:
        WORLD["statuses"] = WORLD["statuses"][1:]
    status = STATUSES[turn]
    if status:
        mark = None if WORLD.get("deaf") else one["metadata"].get("annotations", {}).get("dataalchemy.io/request-look")
        status = {**status, "observedGeneration": one["metadata"]["generation"], "lookRequest": mark}
    return {**one, "status": status}


def kubectl(given: str) -> None:
    words = [word for word in WORDS if not word.startswith("-")]
    verb = words[0]
    if verb == "config":
        print(WORLD["context"] or fail("error: current-context is not set"))
    elif "--raw=/readyz" in WORDS:
        print("ok")
    elif verb == "get":
        get(words[1], words[2] if len(words) > 2 else None)
    elif verb in ("apply", "create"):
        for one in objects_given(given):
            store(one)
    elif verb == "patch":
        place = key(words[1], words[2])
        WORLD["objects"][place]["data"] = {**WORLD["objects"][place].get("data", {}), **json.loads(given)["data"]}
    elif verb == "annotate":
        name, _, value = words[3].partition("=")
        WORLD["objects"][key(words[1], words[2])]["metadata"].setdefault("annotations", {})[name] = value
    elif verb == "delete" and len(words) > 1:
        WORLD["objects"].pop(key(words[1], words[2]), None)
    elif verb == "delete":
        for one in objects_given(given):
            WORLD["objects"].pop(key(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")), None)


def get(kind: str, name: str | None) -> None:
    kind = KINDS.get(kind, kind)
    if kind == "dataalchemystack" and key("crd", "dataalchemystacks.dataalchemy.io") not in WORLD["objects"]:
        fail('error: the server doesn\'t have a resource type "dataalchemystacks"')
    if flag("output") == "json" and name:
        if (one := WORLD["objects"].get(key(kind, name))) is not None:
            print(json.dumps(seen(one)))
    elif flag("output") == "json":
        found = [seen(one) for place, one in WORLD["objects"].items() if place.startswith(f"{kind}/")]
        print(json.dumps({"items": found}))
    else:
        print("\n".join(WORLD.get(kind, [])))


def spec(image: str) -> dict:
    return {"rootfs": {"diff_ids": [f"sha256:{image}"]}, "config": {"Cmd": ["run"], "Env": None}}


def docker(given: str) -> None:
    image = WORDS[-1]
    if WORDS[:2] == ["image", "inspect"]:
        if image not in WORLD["images"]:
            fail(f"Error response from daemon: No such image: {image}")
        shown = {"RootFS": {"Layers": [f"sha256:{image}"]}, "Config": {"Cmd": ["run"], "Env": []}}
        print(f"sha256:id-of-{image}" if flag("format") else json.dumps([shown]))
    elif WORDS[0] == "build":
        WORLD["images"].append(flag("tag"))
    elif WORDS[0] == "exec":
        if image not in WORLD["node"]:
            fail(f'level=fatal msg="no such image \\"{image}\\" present"')
        print(json.dumps({"status": {}, "info": {"imageSpec": spec(image.removeprefix("docker.io/"))}}))
    elif WORDS[0] == "inspect":
        print(json.dumps([{"Source": WORLD.get("bound"), "Destination": "/data"}]))
    elif WORDS[0] == "save":
        print(image)


def k3d(given: str) -> None:
    if WORDS[:2] == ["cluster", "list"]:
        running = WORLD.get("servers")
        print(json.dumps([] if running is None else [{"name": "dataalchemy", "serversRunning": running}]))
    elif WORDS[:2] == ["cluster", "create"]:
        WORLD.update(servers=1, bound=os.environ["DATAALCHEMY_DATA_PATH"])
    elif WORDS[0] == "cluster":
        WORLD["servers"] = 1 if WORDS[1] == "start" else 0
    elif "k3d" not in WORLD["lies"]:
        WORLD["node"] += [f"docker.io/{image}" for image in WORDS[3:]]


def minikube(given: str) -> None:
    if WORDS[1] == "ls":
        print("\n".join(WORLD["node"]))
    elif "minikube" not in WORLD["lies"]:
        WORLD["node"].append(f"docker.io/{WORDS[-1]}")


def ctr(given: str) -> None:
    labels = WORLD.setdefault("labels", {})
    if "import" in WORDS:
        labels[f"docker.io/{given.strip()}"] = "-"
    elif "label" in WORDS:
        labels[WORDS[-2]] = WORDS[-1]
    else:
        name = WORDS[-1].partition("==")[2]
        print("REF TYPE DIGEST SIZE PLATFORMS LABELS")
        print(f"{name} t d 1 p {labels[name]}" if name in labels else "")


def main() -> None:
    given = "" if sys.stdin.isatty() else sys.stdin.read()
    call = {"program": NAME, "arguments": WORDS, "given": given, "variables": sorted(os.environ)}
    with open(f"{FOLDER}/calls", "a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")
    before = json.dumps(WORLD)
    line = " ".join(word for word in WORDS if not word.startswith(("--context", "--namespace=", "--request-timeout")))
    for part, words in WORLD["fails"].items():
        if part in f"{NAME} {line}":
            fail(words)
    {"kubectl": kubectl, "docker": docker, "k3d": k3d, "minikube": minikube, "ctr": ctr}[NAME](given)
    if json.dumps(WORLD) != before:  # two of them run at once in a pipe
        with open(f"{FOLDER}/world.{NAME}", "w", encoding="utf-8") as file:
            json.dump(WORLD, file)
        os.replace(f"{FOLDER}/world.{NAME}", f"{FOLDER}/world")


if __name__ == "__main__":
    main()
