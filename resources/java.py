"""The Java that Spark runs on: found, installed where apt can, and pointed to. Nothing here imports Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from resources.contracts import Progress
from resources.errors import Missing
from resources.settings import child_environment, export

VERSIONS = (17, 21)
"""What Spark 4 supports. Source: Spark 4.1, "Overview", section Downloading."""
JAVA_FIX = "Install it: sudo apt-get install openjdk-17-jre-headless"
_JVM_FOLDER = Path("/usr/lib/jvm")
_VERSION = re.compile(r'version "(\d+)')


def find_java(jvm_folder: Path = _JVM_FOLDER) -> Path | None:
    """A `java` of version 17 or 21 from JAVA_HOME, PATH or the system's folder of JVMs, in this order; or None."""
    return next((java for java in _candidates(jvm_folder) if java_version(java) in VERSIONS), None)


def java_version(java: Path) -> int | None:
    """The major version that a `java` says of itself; None where it does not run. Cost: about 50 ms, a JVM start."""
    try:
        said = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=child_environment(without_secrets=True),
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said)
    return int(found[1]) if found else None


def use_java(jvm_folder: Path = _JVM_FOLDER) -> Path:
    """Point JAVA_HOME at a Java that Spark takes, and return its `java`. Raises Missing."""
    java = find_java(jvm_folder)
    if java is None:
        raise Missing("Spark needs Java 17 or 21", subject="none in JAVA_HOME, PATH or /usr/lib/jvm", fix=JAVA_FIX)
    export(JAVA_HOME=str(java.resolve().parent.parent))
    return java


def install_java(progress: Progress) -> None:
    """Install a JRE with apt, said before it is done. Raises Missing where there is no apt, no right or no package."""
    if find_java() is not None:
        return
    package = "openjdk-17-jre-headless"
    apt = [*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    progress.step(
        "install java", 0, 1, unit="packages", note=f"{package}, about 200 MB: {' '.join(apt)} install {package}"
    )
    environment = child_environment(without_secrets=True)  # packages' own scripts run as root
    for arguments in (["update"], ["install", "-y", package]):
        if subprocess.run([*apt, *arguments], stdout=subprocess.DEVNULL, check=False, env=environment).returncode:
            raise Missing("Java could not be installed", subject=f"apt-get {arguments[0]}", fix=JAVA_FIX)
    progress.step("install java", 1, 1, unit="packages", note=package)


def _as_root() -> list[str]:
    """What turns a command into root's; sudo may ask for a password only where a person can answer."""
    if shutil.which("apt-get") is None:
        raise Missing(
            "Spark needs Java 17 or 21", subject="no apt-get to install it", fix="Install a JRE, or set JAVA_HOME."
        )
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise Missing("Spark needs Java 17 or 21", subject="installing it takes root", fix=JAVA_FIX)
    return ["sudo"] if sys.stdin is not None and sys.stdin.isatty() else ["sudo", "-n"]


def _candidates(jvm_folder: Path) -> Iterator[Path]:
    home = child_environment().get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    yield from sorted(jvm_folder.glob("*/bin/java"))
