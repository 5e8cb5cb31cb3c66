"""The cache on Redis or Valkey, for throttles and other things that may be forgotten."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)
_AWAY = (RedisConnectionError, RedisTimeoutError)
REST_SECONDS = 10.0
"""How long a server that hangs is not asked again, or each of a page's questions waits for it."""
_rests_until = 0.0


class PatientRedisCache(RedisCache):
    """A Redis cache that is empty, rather than an error, while the server is away.

    The pages must go on while the broker restarts: a throttle then counts nothing for some
    seconds. Locks that must hold belong in the database.
    """

    def _patiently(self, method: str, instead: Any, *args: Any, **options: Any) -> Any:
        global _rests_until
        if time.monotonic() < _rests_until:
            return instead
        try:
            return getattr(super(), method)(*args, **options)
        except _AWAY as error:
            logger.warning("The cache is away: %s", error)
            if isinstance(error, RedisTimeoutError):
                _rests_until = time.monotonic() + REST_SECONDS
            return instead

    def add(self, *args: Any, **options: Any) -> Any:
        return self._patiently("add", True, *args, **options)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._patiently("get", default, key, default, version)

    def set(self, *args: Any, **options: Any) -> Any:
        return self._patiently("set", None, *args, **options)

    def touch(self, *args: Any, **options: Any) -> Any:
        return self._patiently("touch", False, *args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return self._patiently("delete", False, *args, **options)

    def has_key(self, *args: Any, **options: Any) -> Any:
        return self._patiently("has_key", False, *args, **options)

    def incr(self, *args: Any, **options: Any) -> Any:
        return self._patiently("incr", 1, *args, **options)

    def get_many(self, *args: Any, **options: Any) -> Any:
        return self._patiently("get_many", {}, *args, **options)

    def set_many(self, *args: Any, **options: Any) -> Any:
        return self._patiently("set_many", [], *args, **options)

    def delete_many(self, *args: Any, **options: Any) -> Any:
        return self._patiently("delete_many", None, *args, **options)
