#!/bin/sh
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=12:00:00
# A study as a Slurm job array, and a last job that completes it.
#
#   sh examples/slurm_array.sh PARTS OPTIONS...      OPTIONS: those of `causalmix run`
#
# Each task of the array makes one part of the runs, into the study's folder in results/ on a disk that all nodes
# share. The last job starts when all tasks have ended, in whatever way: it makes the runs that are still missing (of a
# task that ran out of time, say) and consolidates the records into the study's Parquet files.
# For GPUs add --gpus=1 above, and --device cuda --engine here to OPTIONS.
set -eu

workers=${SLURM_CPUS_PER_TASK:-1}
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    part=$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
    exec causalmix run --quiet --workers "$workers" --shard "$part" "$@"
elif [ "${SLURM_JOB_NAME:-}" = causalmix-complete ]; then
    exec causalmix run --quiet --workers "$workers" "$@"
fi

if [ "$#" -lt 1 ] || ! [ "$1" -gt 0 ] 2>/dev/null; then
    echo "usage: sh $0 PARTS OPTIONS...   (for example: sh $0 8 --profile smoke)" >&2
    exit 2
fi
parts=$1
shift
# `--parsable` prints the job's number, and after a semicolon the cluster's name where there are several
array=$(sbatch --parsable --job-name=causalmix --array="0-$((parts - 1))" "$0" "$@")
complete=$(sbatch --parsable --job-name=causalmix-complete --dependency="afterany:${array%%;*}" "$0" "$@")
echo "$parts parts: job array ${array%%;*}; then job ${complete%%;*} completes the study"
