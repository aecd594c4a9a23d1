#!/usr/bin/env bash
# A sweep on several nodes of a SLURM cluster; see docs/how-to/slurm.md.
#   sbatch docs/how-to/cluster/slurm.sh run default --set data.path=/shared/images --set store=/shared/store
#SBATCH --job-name=sweeper
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
. .venv/bin/activate
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300 # seconds that the nodes wait for each other
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")

# Starts Ray on every node, runs the command on the first one, then stops Ray.
srun ray symmetric-run --address "${nodes[0]}:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus="$SLURM_CPUS_PER_TASK" --resources='{"trial_driver": 64}' \
  -- env RAY_ADDRESS="${nodes[0]}:6379" python sweep.py "$@"
