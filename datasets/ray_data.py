"""Configure Ray Data for this project, before any data set is read or created."""

import logging
import warnings
from typing import Any


def errors_of_lost_work(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """The errors that Ray raises when a task's process, machine or result is lost, and `more`."""
    from ray.exceptions import NodeDiedError, ObjectLostError, WorkerCrashedError

    return (WorkerCrashedError, NodeDiedError, ObjectLostError, *more)


def prepare_ray_data() -> Any:
    """Configure and return the process's data context: no row is dropped, nothing is printed."""
    import ray.data  # imported late: every process that reads shards imports this module

    context = ray.data.DataContext.get_current()
    context.use_datasource_v2 = False  # it drops rows silently (Ray 2.60)
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    warnings.filterwarnings("ignore", message="`ray_remote_args_fn`")  # no replacement yet
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised too
    return context
