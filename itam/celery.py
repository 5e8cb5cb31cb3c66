"""The Celery application: how work is delivered, not what it does.

Any task may run 0, 1 or 4 times: due times, leases and results are rows in the database, and the
messages here only nudge. A lost one is made good by the next tick.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import (
    after_task_publish,
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_process_init,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "itam.settings")

logger = logging.getLogger(__name__)

TASK_SECONDS = 300  # by construction: one server, one chunk of a file

app = Celery("itam")
app.conf.update(
    timezone="UTC",
    enable_utc=True,
    # Acknowledged when done, so that the death of a process gives the message back.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_time_limit=TASK_SECONDS,
    task_soft_time_limit=TASK_SECONDS - 30,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A web request must not hang on a broker that is away: the tick finds the row anyway.
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.2, "interval_max": 0.2},
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="default",
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=500,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # On QUIT, running tasks get this long; then they are stopped and given back.
    worker_soft_shutdown_timeout=2.0,
    beat_max_loop_interval=5,
    # Short, so that another scheduler takes over soon after one was killed.
    redbeat_lock_timeout=15,
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def _configure_redbeat(sender: Celery, **_: Any) -> None:
    """Set what redbeat looks for by its own names, which the namespace above would hide from it."""
    from django.conf import settings

    sender.conf.update(redbeat_redis_url=settings.ITAM_REDBEAT_URL, redbeat_redis_options={})
    # The schedule below is made while the settings are being read, and cannot ask them.
    sender.conf.beat_schedule["tick"] = _every(settings.ITAM_TICK_SECONDS, "licenses.tasks.tick")


def _every(seconds: int, task: str) -> dict[str, Any]:
    """Return a schedule's entry. A tick that waited a whole period is dropped, never piled up."""
    return {
        "task": task,
        "schedule": float(seconds),
        "options": {"queue": "ticks", "expires": float(seconds)},
    }


app.conf.beat_schedule = {
    "pulse": _every(15, "itam.pulse"),
    "tick": _every(15, "licenses.tasks.tick"),
    "evaluate": _every(30, "licenses.tasks.evaluate"),
    "deliver": _every(15, "licenses.tasks.deliver"),
    "show-life": _every(30, "licenses.tasks.show_life"),
    "heartbeat": _every(30, "licenses.tasks.heartbeat"),
    "reports": _every(30, "reports.tasks.tick"),
}


@app.task(name="itam.pulse")
def pulse_task() -> None:
    """Do nothing. That it ran shows that messages reach the worker and it works on them."""


@setup_logging.connect
def _use_our_logging(**_: Any) -> None:
    """Leave logging as the settings configure it; with a receiver Celery does not touch it."""
    import django

    django.setup()


@celeryd_init.connect
def _refuse_other_schema(**_: Any) -> None:
    """Stop a worker whose program and database differ; it would write rows of another shape."""
    import django

    django.setup()
    from django.db import connection

    from itam import health

    problem = health.database_problem() or health.migrations_problem()
    connection.close()
    if problem:
        sys.exit(f"The worker does not start: {problem}")


@worker_process_init.connect
def _die_with_worker(**_: Any) -> None:
    """Tie a process of the pool to the worker, so that it does not outlive it."""
    from itam.processes import bind_to_parent

    bind_to_parent(os.getppid())


# What follows is for the supervisor on the same machine, which names the folder (see itam.pulse).
_pulse = os.environ.get("ITAM_PULSE_DIR")

if _pulse:
    from itam import pulse

    _folder = Path(_pulse)

    @task_prerun.connect
    def _note_start(**_: Any) -> None:
        pulse.task_started(_folder)

    @task_postrun.connect
    def _note_end(**_: Any) -> None:
        pulse.task_ended(_folder)

    if os.environ.get("ITAM_ROLE") == "beat":

        @after_task_publish.connect
        def _note_nudge(**_: Any) -> None:
            pulse.beat(_folder, "beat")
