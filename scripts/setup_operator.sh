#!/usr/bin/env bash
# Sets the stack up in a cluster until it is Ready, and says what to open: on Ubuntu and in WSL. The cluster is k3d's
# where K3D_CLUSTER is set or kubectl's context is one of k3d, else the one of that context.
#   scripts/setup_operator.sh [up | down | status | logs] [options of `./alchemy deploy k3d|k8s`]
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "$0")")/..
env_file=${PROJECT_ROOT:-$root}/.env

setting() {
    [ -r "$env_file" ] || return 0
    sed -n "s/^\(export \)\{0,1\}$1=//p" "$env_file" | tail -n 1 | tr -d "\"'\r"
}

kind=k8s
forced=${K3D_CLUSTER:-$(setting K3D_CLUSTER)}
case ${forced,,} in "" | false | no | off | 0) ;; *) kind=k3d ;; esac
case $(kubectl config current-context 2>/dev/null || true) in k3d-*) kind=k3d ;; esac

case ${1:-} in
    up | down | status | logs) exec "$root/alchemy" deploy "$kind" "$@" ;;
    *) exec "$root/alchemy" deploy "$kind" up "$@" ;;
esac
