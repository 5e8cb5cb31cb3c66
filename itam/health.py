"""Is the installation alive? Cheap questions, each answered for itself."""

from __future__ import annotations

from functools import cache
from math import ceil

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def database_problem() -> str:
    """Return why the database cannot be asked, or nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"database: {type(error).__name__}"
    return ""


def migrations_problem() -> str:
    """Return how code and database schema differ, or nothing. Reads every migration: not cheap."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    missing = executor.migration_plan(loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{step.app_label}.{step.name}" for step, _ in missing[:3])
        return f"migrations: {len(missing)} not applied ({names}); run manage.py migrate"
    ours = {"licenses", "reports"}
    unknown = {
        key
        for key in loader.applied_migrations
        if key[0] in ours and key not in loader.disk_migrations
    }
    if unknown:
        names = ", ".join(f"{app}.{name}" for app, name in sorted(unknown)[:3])
        return f"migrations: the database is newer than this program ({names})"
    return ""


@cache
def _latest_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationExecutor(connection).loader
    return frozenset(loader.graph.leaf_nodes())


def schema_problem() -> str:
    """Return whether a migration is missing, or nothing. One small query."""
    from django.db.migrations.recorder import MigrationRecorder

    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError as error:
        return f"migrations: {type(error).__name__}"
    missing = sorted(_latest_migrations() - applied)
    return f"migrations: {missing[0][0]}.{missing[0][1]} not applied" if missing else ""


def broker_problem(url: str = "", timeout: float = 2.0) -> str:
    """Return why the broker does not answer, or nothing."""
    url = url or settings.CELERY_BROKER_URL
    scheme = url.split(":", 1)[0]
    if scheme in {"filesystem", "memory"}:
        return ""
    try:
        if scheme in {"redis", "rediss", "redis+socket"}:
            import redis

            plain = url.replace("redis+socket://", "unix://").split("?")[0]
            client = redis.Redis.from_url(
                plain, socket_timeout=timeout, socket_connect_timeout=timeout
            )
            try:
                client.ping()
            finally:
                client.close()
        else:
            from itam.celery import app

            with app.connection_for_write(connect_timeout=timeout) as link:
                link.ensure_connection(max_retries=1, timeout=ceil(timeout))
    except Exception as error:  # each transport has its own errors, and any of them means away
        return f"broker: {type(error).__name__}"
    return ""


def web_problems() -> dict[str, str]:
    """Return what /healthz tells: a word for each part, "ok" or the problem."""
    found = {"database": database_problem()}
    found["migrations"] = schema_problem() if not found["database"] else "migrations: unknown"
    found["broker"] = broker_problem(timeout=1.0)
    return {part: problem or "ok" for part, problem in found.items()}
