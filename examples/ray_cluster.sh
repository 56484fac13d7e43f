#!/bin/sh
# A study on several machines: make a Ray cluster of them, run, and take the cluster down again.
#
#   sh examples/ray_cluster.sh "HOST HOST..." OPTIONS...      OPTIONS: those of `causalmix run`
#
# Run it on one of the machines; the HOSTs are the others, reached by ssh without a password. Each needs this folder
# and the active environment under the same paths (a shared disk, or copies). RAY_PORT is the head's port.
set -eu

if [ "$#" -lt 1 ]; then
    echo "usage: sh $0 \"HOST HOST...\" OPTIONS...   (for example: sh $0 \"node1 node2\" --profile smoke)" >&2
    exit 2
fi
hosts=$1
shift
head=$(hostname -I | cut -d' ' -f1):${RAY_PORT:-6379}
export RAY_USAGE_STATS_ENABLED=0
started=
trap 'kill $started 2>/dev/null || true; wait' EXIT # not `ray stop`, which would stop every Ray of this machine
trap 'exit 130' INT TERM

answers() { python -c "import socket; socket.create_connection(('${head%:*}', ${head##*:}), 1)" 2>/dev/null; }
if answers; then
    echo "port ${head##*:} is taken by another service: choose one with RAY_PORT" >&2
    exit 1
fi
ray start --head --block --port="${head##*:}" --include-dashboard=false >/dev/null &
started=$!
until answers; do
    kill -0 "$started" 2>/dev/null || { echo "the head could not be started: is port ${head##*:} taken?" >&2; exit 1; }
    sleep 1
done
for host in $hosts; do # -tt: they end with this script
    ssh -tt "$host" "cd '$PWD' && exec env PATH='$PATH' ray start --block --address='$head'" </dev/null >/dev/null &
    started="$started $!"
done
causalmix run --engine ray --address "$head" "$@"
