"""The Celery application: how work is delivered, not what it does.

Any task may run 0, 1 or 4 times: due times, leases and results are rows in the database, and the
messages here only nudge. A lost one is made good by the next tick.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "itam.settings")

TASK_SECONDS = 300

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
    # Redis hands a message out again after this time; a task that still runs would start twice.
    broker_transport_options={"visibility_timeout": 2 * TASK_SECONDS + 60, "socket_timeout": 30},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.2, "interval_max": 0.2},
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="default",
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=500,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _every(seconds: int, task: str) -> dict[str, Any]:
    """Return a schedule's entry. A tick that waited a whole period is dropped, never piled up."""
    return {
        "task": task,
        "schedule": float(seconds),
        "options": {"queue": "ticks", "expires": float(seconds)},
    }


app.conf.beat_schedule = {
    "tick": _every(15, "licenses.tasks.tick"),
    "evaluate": _every(30, "licenses.tasks.evaluate"),
    "deliver": _every(15, "licenses.tasks.deliver"),
    "heartbeat": _every(60, "licenses.tasks.heartbeat"),
    "reports": _every(30, "reports.tasks.tick"),
}
