"""How gunicorn serves the web pages; the runner and other installations use the same file."""

import os
import signal

from itam.memory import settle
from itam.processes import bind_to_parent

wsgi_app = "itam.wsgi:application"
bind = os.environ.get("ITAM_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("ITAM_WEB_PROCESSES") or 2)
threads = int(os.environ.get("ITAM_WEB_THREADS") or 4)
timeout = 60
graceful_timeout = 3 if os.environ.get("ITAM_SUPERVISED") else 30
keepalive = 5
# The sign of life of a worker is a file's time; on a disk that stalls it would be killed.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
control_socket_disable = True
# Itself behind nobody: ProxyMiddleware decides whom to believe.
forwarded_allow_ips = ""
limit_request_line = 8190
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "itam.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": [], "propagate": True, "level": "INFO"},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}


def post_fork(arbiter, worker):  # type: ignore[no-untyped-def]  # called by gunicorn
    """Tie a worker to its master, so that it does not outlive it."""
    bind_to_parent(worker.ppid, signal.SIGKILL)


def post_worker_init(worker):  # type: ignore[no-untyped-def]  # called by gunicorn
    """Get a worker ready for requests once everything is loaded."""
    settle()
