"""Ray Data set up as this project needs it; called before any data set is read or made."""

import logging
import warnings
from typing import Any


def errors_of_lost_work(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """What Ray raises where a task's process or machine is gone, or what was made there, and
    `more`."""
    import ray

    lost = ray.exceptions
    return (lost.WorkerCrashedError, lost.NodeDiedError, lost.ObjectLostError, *more)


def prepare_ray_data() -> Any:
    """The process's data context: every row kept, nothing printed. Returns it."""
    import ray.data  # not before it is used: every process that reads shards imports this package

    context = ray.data.DataContext.get_current()
    context.use_datasource_v2 = False  # it drops rows silently (Ray 2.60)
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    warnings.filterwarnings("ignore", message="`ray_remote_args_fn`")  # until Ray has another way
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised too
    return context
