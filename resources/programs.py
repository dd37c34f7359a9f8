"""Programs of others (kubectl, k3d, Docker …): found on PATH, called, and read. A value never goes into arguments."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from resources.errors import Missing, Unavailable
from resources.settings import child_environment

_MENDS = {
    "kubectl": "Install it: sudo snap install kubectl --classic",
    "k3d": "Install it: wget -q -O - https://raw.githubusercontent.com/k3d-io/k3d/main/install.sh | bash",
    "docker": "Install Docker Desktop, or Docker Engine; docs/docker.md says how.",
    "minikube": "Install it, or set DATAALCHEMY_IMAGE_LOADER to another way.",
    "ctr": "It comes with containerd: sudo apt-get install containerd",
}
_LAST_LINES = 3


def there(name: str) -> bool:
    """Whether the program is on this machine."""
    return _found(name) is not None


def ask(
    command: Sequence[str], *, given: str | None = None, more: Mapping[str, str] | None = None, limit_s: float = 120
) -> str:
    """What the command prints; ``given`` is its input, ``more`` its further variables.

    Raises Missing, and Unavailable with the last that it said.
    """
    done = attempt(command, given=given, more=more, limit_s=limit_s)
    if done.returncode:
        raise _refused(command, done.stderr)
    return done.stdout


def attempt(
    command: Sequence[str], *, given: str | None = None, more: Mapping[str, str] | None = None, limit_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, whatever it says. Raises Missing, and Unavailable where it never ends."""
    stdin = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    try:
        return subprocess.run(
            [_require(command[0]), *command[1:]],
            env={**_environment(command[0]), **(more or {})},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=False,
            **stdin,
        )
    except subprocess.TimeoutExpired:
        fix = "Look whether it works by itself, and run this again."
        raise Unavailable(f"No answer within {limit_s:.0f} s", subject=_named(command), fix=fix) from None


def show(command: Sequence[str], *, more: Mapping[str, str] | None = None) -> None:
    """Run a command that takes its time; what it says goes to stderr. Raises Missing, Unavailable."""
    environment = {**_environment(command[0]), **(more or {})}
    done = subprocess.run(
        [_require(command[0]), *command[1:]], env=environment, stdin=subprocess.DEVNULL, stdout=2, check=False
    )
    if done.returncode:
        raise _refused(command, "")


def follow(command: Sequence[str]) -> int:
    """Run a command whose output is for the person who asked; its exit code. Raises Missing."""
    command = [_require(command[0]), *command[1:]]
    return subprocess.run(command, env=_environment(command[0]), stdin=subprocess.DEVNULL, check=False).returncode


def pipe(first: Sequence[str], second: Sequence[str]) -> None:
    """What the first prints becomes the second's input. Raises Missing, and Unavailable for whichever failed."""
    found = [_require(first[0]), *first[1:]], [_require(second[0]), *second[1:]]
    with subprocess.Popen(
        found[0], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=_environment(first[0])
    ) as out:
        done = subprocess.run(
            found[1], stdin=out.stdout, env=_environment(second[0]), capture_output=True, text=True, check=False
        )
        if out.stdout is not None:
            out.stdout.close()
    for command, code in ((second, done.returncode), (first, out.returncode)):
        if code:
            raise _refused(command, done.stderr)


def _refused(command: Sequence[str], said: str) -> Unavailable:
    words = " ".join(" ".join(said.split("\n")[-_LAST_LINES - 1 :]).split())
    subject = f"{_named(command)} ({words})" if words else _named(command)
    return Unavailable("A program did not do its work", subject=subject, fix="Mend what it says, run this again.")


def _named(command: Sequence[str]) -> str:
    """The command as a person knows it, without its flags."""
    return " ".join([command[0].rpartition("/")[2], *(word for word in command[1:] if not word.startswith("-"))][:4])


def _environment(name: str) -> dict[str, str]:
    """A cluster's own sign-in may need a cloud's keys, so kubectl has them; nobody else does."""
    return child_environment(without_secrets=name.rpartition("/")[2] != "kubectl")


def _found(name: str) -> str | None:
    return shutil.which(name, path=child_environment().get("PATH"))


def _require(name: str) -> str:
    found = _found(name)
    if found is None:
        raise Missing("A program is not on this machine", subject=name, fix=_MENDS[name])
    return found
