#!/usr/bin/env bash
# Sets the stack up in a cluster until it is Ready, and says what to open: on Ubuntu and in WSL. The cluster is that of
# `deploy k3d` where kubectl's context is its own, or where kubectl has none and k3d is here; else the one of the context.
#   scripts/setup_operator.sh [up | down | status | logs] [options of `./alchemy deploy k3d|k8s`]
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "$0")")/..

own_k3d() {
    command -v kubectl >/dev/null || return # `deploy k8s` says so, before a cluster is made that nobody can ask
    local context
    context=$(kubectl config current-context 2>/dev/null) || context=
    if [ -n "$context" ]; then [ "$context" = k3d-dataalchemy ]; else command -v k3d >/dev/null; fi
}

kind=k8s
if own_k3d; then kind=k3d; fi

case ${1:-} in
    up | down | status | logs) exec "$root/alchemy" deploy "$kind" "$@" ;;
    *) exec "$root/alchemy" deploy "$kind" up "$@" ;;
esac
