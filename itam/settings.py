"""Settings of the installation; each one that an operator may change is an environment variable.

The table of variables is in docs/operations.md. A fresh clone runs with nothing set.
"""

import hashlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from itam import env
from itam.unfold import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where things are ---------------------------------------------------------------------------

ITAM_DATA_DIR = env.path("ITAM_DATA_DIR") or BASE_DIR / "var"
ITAM_SECRETS_DIR = env.path("ITAM_SECRETS_DIR") or ITAM_DATA_DIR / "secrets"
ITAM_LOG_DIR = ITAM_DATA_DIR / "log"
ITAM_RUN_DIR = ITAM_DATA_DIR / "run"
ITAM_CAPTURE_DIR = ITAM_DATA_DIR / "captures"
ITAM_MAILBOX_DIR = ITAM_DATA_DIR / "mailbox"
ITAM_EVIDENCE_DIR = ITAM_DATA_DIR / "evidence"
MEDIA_ROOT = ITAM_DATA_DIR / "media"


def _socket_dir() -> Path:
    """Return a folder whose path leaves room for a socket's name: the system allows 107 bytes."""
    if len(os.fsencode(ITAM_RUN_DIR)) <= 80:
        return ITAM_RUN_DIR
    name = hashlib.sha256(os.fsencode(ITAM_DATA_DIR)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"itam-{os.getuid()}-{name}"


ITAM_SOCKET_DIR = _socket_dir()
ITAM_BROKER_SOCKET = ITAM_SOCKET_DIR / "valkey.sock"

# --- Secrets ------------------------------------------------------------------------------------

DEBUG = env.flag("ITAM_DEBUG", False)
SECRET_KEY = env.secret(
    "ITAM_SECRET_KEY",
    ITAM_SECRETS_DIR / "secret_key",
    default="only-for-development-" + "x" * 40 if DEBUG else "",
)
# Turns names into pseudonyms in usage rows. Changing it makes strangers of the people known so far.
ITAM_PSEUDONYM_KEY = env.secret(
    "ITAM_PSEUDONYM_KEY",
    ITAM_SECRETS_DIR / "pseudonym_key",
    default="only-for-development" if DEBUG else "",
)
# Fernet keys separated by commas: the first encrypts, each decrypts.
ITAM_FIELD_KEYS = [
    key.strip()
    for key in env.secret(
        "ITAM_FIELD_KEYS",
        ITAM_SECRETS_DIR / "field_keys",
        default="b25seS1mb3ItZGV2ZWxvcG1lbnQtMzItYnl0ZXMtISE=" if DEBUG else "",
    ).split(",")
    if key.strip()
]
env.check_field_keys("ITAM_FIELD_KEYS", ITAM_FIELD_KEYS)
# Signs the sealed evidence. Empty: secrets/evidence_key, made when the first day is sealed.
ITAM_EVIDENCE_KEY = env.text("ITAM_EVIDENCE_KEY")

# --- Web ----------------------------------------------------------------------------------------

# True where people reach the installation by https: secure cookies, HSTS, no plain http.
ITAM_TLS = env.flag("ITAM_TLS", False)
ALLOWED_HOSTS = env.words("ITAM_ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("ITAM_CSRF_TRUSTED_ORIGINS")
# Only these may say in X-Forwarded-For and X-Forwarded-Proto who is behind them.
ITAM_TRUSTED_PROXIES = env.networks("ITAM_TRUSTED_PROXIES")
ITAM_METRICS_TOKEN = env.text("ITAM_METRICS_TOKEN")

ROOT_URLCONF = "itam.urls"
WSGI_APPLICATION = "itam.wsgi.application"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "itam.apps.SiteConfig",  # the admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",  # its templates of fields
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "import_export",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_standardized_errors",
    "axes",
    "csp",
    "licenses.apps.LicensesConfig",
    "reports.apps.ReportsConfig",
]

MIDDLEWARE = [
    "itam.middleware.ProxyMiddleware",  # first: the others believe the address that it sets
    "itam.middleware.HeadersMiddleware",  # around all that may refuse a request
    "itam.middleware.PolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "itam.middleware.LanguageMiddleware",
    "itam.middleware.ZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "itam.acting.ActingMiddleware",
    "itam.middleware.SessionLimitsMiddleware",
    "itam.middleware.LoginThrottleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it turns a lock-out into its answer
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n", "itam.filters", "itam.kept"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Fields of forms are drawn by the templates above, ours before the library's.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL = "static/"
STATIC_ROOT = ITAM_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# A file of a library that its own style sheet names wrongly must not take the page down.
WHITENOISE_MANIFEST_STRICT = False

# --- Security headers, cookies, logins ----------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 31_536_000 if ITAM_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ITAM_TLS
SECURE_HSTS_PRELOAD = ITAM_TLS
SECURE_SSL_REDIRECT = ITAM_TLS
# Asked on the machine itself, behind whatever ends TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
# ProxyMiddleware drops the header unless a trusted proxy sent it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ITAM_TRUSTED_PROXIES else None

# A browser takes a __Host- cookie over TLS only.
_COOKIE_PREFIX = "__Host-itam-" if ITAM_TLS else "itam-"
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}session"
SESSION_COOKIE_SECURE = ITAM_TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.whole("ITAM_SESSION_HOURS", 12, least=1, most=168) * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
ITAM_SESSION_IDLE_SECONDS = env.whole("ITAM_SESSION_IDLE_MINUTES", 120, least=5) * 60
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrf"
CSRF_COOKIE_SECURE = ITAM_TLS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "itam.errors.form_refused"

_POLICY: dict[str, Any] = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": _POLICY}
# By the path's beginning. The theme's colours stand in the page.
ITAM_POLICY_EXCEPTIONS: dict[str, dict[str, Any]] = {
    "/admin/": {"style-src": ["'self'", NONCE]},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "itam.passwords.TokensEnd"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: a locked account is refused before any check
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# The pair of account and address is locked, so that a stranger cannot lock out the administrator.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.whole("ITAM_LOGIN_FAILURES", 5, least=1)
AXES_COOLOFF_TIME = env.whole("ITAM_LOGIN_LOCK_MINUTES", 15, least=1) / 60  # in hours
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # tries while locked must not prolong it
AXES_CLIENT_IP_CALLABLE = "itam.middleware.client_address"
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "itam.errors.locked_out"
# Pages on which people sign in; tries are counted over all of them.
ITAM_LOGIN_PAGES = (LOGIN_URL, reverse_lazy("portal:sign-in"))
# Against many names tried from one address, which no lock on a name stops.
ITAM_LOGIN_TRIES_PER_ADDRESS = env.whole("ITAM_LOGIN_TRIES_PER_ADDRESS", 30, least=1)
ITAM_LOGIN_WINDOW_SECONDS = 300

# --- Database -----------------------------------------------------------------------------------

_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": ITAM_DATA_DIR / "itam.sqlite3",
    "OPTIONS": {
        # A read that turns into a write fails at once under DEFERRED, whatever the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: evidence that was confirmed must survive a power cut. Recursive triggers: without
        # them REPLACE deletes a row past the guards against deleting.
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA temp_store=MEMORY;"
        "PRAGMA recursive_triggers=ON;PRAGMA cache_size=-20000;PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=67108864;",
    },
}
DATABASES = {"default": env.database("DATABASE_URL", _SQLITE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"] is _SQLITE:
    ITAM_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- Broker, cache, tasks -----------------------------------------------------------------------

REDIS_URL = env.text("REDIS_URL")
# Embedded: a Valkey of our own on a unix socket. `manage.py up` starts it.
CELERY_BROKER_URL = (
    env.text("CELERY_BROKER_URL")
    or REDIS_URL
    or f"redis+socket://{ITAM_BROKER_SOCKET}?virtual_host=0"
)
ITAM_CACHE_URL = REDIS_URL
if not ITAM_CACHE_URL and CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    ITAM_CACHE_URL = CELERY_BROKER_URL
if not ITAM_CACHE_URL and ITAM_BROKER_SOCKET.exists():
    ITAM_CACHE_URL = f"unix://{ITAM_BROKER_SOCKET}?db=1"
# redbeat speaks to Redis itself and knows the URL by its other name.
ITAM_REDBEAT_URL = CELERY_BROKER_URL.replace("redis+socket://", "unix://").replace(
    "?virtual_host=", "?db="
)
# What signs with the key of the evidence. With a queue of its own, only the workers that listen to
# it have to be able to read that key.
CELERY_TASK_ROUTES = {
    task: {"queue": env.text("ITAM_SEALING_QUEUE", "default")}
    for task in ("licenses.tasks.seal_evidence", "reports.tasks.build_pack")
}
# A task takes five minutes at most. Redis hands a message out again after this time; a task that
# still ran would start twice.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": 660}
if CELERY_BROKER_URL.startswith("filesystem:"):
    # The last resort of `manage.py up`: one machine, no other server.
    ITAM_BROKER_DIR = ITAM_DATA_DIR / "broker"
    ITAM_BROKER_DIR.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(ITAM_BROKER_DIR),
        "data_folder_out": str(ITAM_BROKER_DIR),
        "control_folder": str(ITAM_BROKER_DIR),
    }
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "itam.cache.PatientRedisCache",
        "LOCATION": ITAM_CACHE_URL,
        "KEY_PREFIX": "itam",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
    if ITAM_CACHE_URL
    # A single command beside no broker, such as an import: nothing to share the cache with.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

ITAM_POLL_CONCURRENCY = env.whole("ITAM_POLL_CONCURRENCY", 64, least=1, most=1000)
ITAM_POLL_TIMEOUT_SECONDS = env.whole("ITAM_POLL_TIMEOUT_SECONDS", 20, least=1, most=120)
ITAM_POLL_SECONDS = env.whole("ITAM_POLL_SECONDS", 300, least=15)
ITAM_LEASE_SECONDS = env.whole("ITAM_LEASE_SECONDS", 120, least=5)
ITAM_CHUNK_BYTES = env.whole("ITAM_CHUNK_KB", 4096, least=4, most=16384) * 1024
ITAM_RESTART_SECONDS = env.whole("ITAM_RESTART_SECONDS", 30, least=1, most=300)
ITAM_TICK_SECONDS = env.whole("ITAM_TICK_SECONDS", 15, least=1, most=60)
ITAM_WORKER_PROCESSES = env.whole("ITAM_WORKER_PROCESSES", 2, least=1, most=64)
ITAM_WEB_PROCESSES = env.whole("ITAM_WEB_PROCESSES", 2, least=1, most=64)
ITAM_WEB_THREADS = env.whole("ITAM_WEB_THREADS", 4, least=1, most=64)
# Imports stop below either, reading goes on.
ITAM_DISK_FREE_BYTES = env.whole("ITAM_DISK_FREE_MB", 500) * 1_000_000
ITAM_DISK_FREE_SHARE = env.whole("ITAM_DISK_FREE_PERCENT", 5, most=100) / 100

# --- Licence servers ----------------------------------------------------------------------------

# Only from here, never from a form: whoever names a program makes us run it.
ITAM_LMUTIL = env.path("ITAM_LMUTIL")
_DEMO_LMUTIL = ITAM_DATA_DIR / "demo" / "lmutil"
if ITAM_LMUTIL is None and _DEMO_LMUTIL.exists():
    ITAM_LMUTIL = _DEMO_LMUTIL  # the simulated company's, written by `manage.py demo`
ITAM_RLMUTIL = env.path("ITAM_RLMUTIL")
# Addresses that outgoing webhooks may reach although they are not public, and licence servers may
# have although they are this machine's.
ITAM_EGRESS_ALLOW = env.targets("ITAM_EGRESS_ALLOW")
ITAM_EGRESS_NETWORKS = env.networks_of(ITAM_EGRESS_ALLOW)
ITAM_EGRESS_PORTS = env.ports("ITAM_EGRESS_PORTS")

# --- Reports ------------------------------------------------------------------------------------

# Whose use is judged: printed in the title block of reports.
ITAM_LEGAL_ENTITY = env.text("ITAM_LEGAL_ENTITY")
# How strong the proof of a right must be to count: 4, or 3 for partial proof; verdicts rest on it.
ITAM_PROVEN_FROM_STRENGTH = env.whole("ITAM_PROVEN_FROM_STRENGTH", 4, least=3, most=4)
# A PKCS #12 file with the key and certificate that sign reports. None: one of our own is made.
ITAM_REPORT_SIGNING_FILE = env.path("ITAM_REPORT_SIGNING_FILE")
ITAM_REPORT_SIGNING_PASSWORD = env.text("ITAM_REPORT_SIGNING_PASSWORD")
# After the end of a period, late logs may still arrive for so long; then its report can be signed.
ITAM_REPORT_WAIT_DAYS = env.whole("ITAM_REPORT_WAIT_DAYS", 7, most=365)

# --- Evidence ---------------------------------------------------------------------------------

# Where each signed head is written to, best on another machine: an anchor.
ITAM_EVIDENCE_ANCHOR_DIR = env.path("ITAM_EVIDENCE_ANCHOR_DIR")
# Who gets a signed head by mail each month, such as the controller or the auditor.
ITAM_EVIDENCE_MAIL = env.text("ITAM_EVIDENCE_MAIL")
# A time-stamping authority (RFC 3161) that each signed head's hash is sent to. Empty: none.
ITAM_EVIDENCE_TSA = env.text("ITAM_EVIDENCE_TSA")

# --- People -------------------------------------------------------------------------------------

# How much is told of people; licenses.models.privacy decides by it. The people of the simulated
# company are invented, so their names may be seen.
ITAM_NAMES = env.choice(
    "ITAM_NAMES",
    "named" if _DEMO_LMUTIL.exists() else "pseudonymous",
    ("off", "pseudonymous", "named"),
)
ITAM_REVEAL_HOURS = env.whole("ITAM_REVEAL_HOURS", 24, least=1, most=168)

# --- Status page --------------------------------------------------------------------------------

# False: whoever can reach the page sees how many seats are free; never a name.
ITAM_STATUS_SIGN_IN = env.flag("ITAM_STATUS_SIGN_IN", True)

# How long somebody waits for a seat at most, and how long a free one is theirs to come for.
ITAM_WAITLIST_HOURS = env.whole("ITAM_WAITLIST_HOURS", 12, least=1, most=168)
ITAM_WAITLIST_OFFER_MINUTES = env.whole("ITAM_WAITLIST_OFFER_MINUTES", 15, least=5, most=240)

# --- Retention ----------------------------------------------------------------------------------

ITAM_KEEP_CAPTURES_DAYS = env.whole("ITAM_KEEP_CAPTURES_DAYS", 400, least=1)
ITAM_KEEP_IDENTITIES_DAYS = env.whole("ITAM_KEEP_IDENTITIES_DAYS", 400, least=1)
ITAM_KEEP_DENIAL_WORDS_DAYS = env.whole("ITAM_KEEP_DENIAL_WORDS_DAYS", 400, least=1)
ITAM_KEEP_JOB_RUNS_DAYS = env.whole("ITAM_KEEP_JOB_RUNS_DAYS", 30, least=1)
ITAM_KEEP_IDEMPOTENCY_DAYS = env.whole("ITAM_KEEP_IDEMPOTENCY_DAYS", 7, least=1)
ITAM_KEEP_MESSAGES_DAYS = env.whole("ITAM_KEEP_MESSAGES_DAYS", 400, least=1)
ITAM_KEEP_WAITLIST_DAYS = env.whole("ITAM_KEEP_WAITLIST_DAYS", 90, least=1)
ITAM_KEEP_LOGINS_DAYS = env.whole("ITAM_KEEP_LOGINS_DAYS", 180, least=1)
ITAM_KEEP_REPORT_FILES_DAYS = env.whole("ITAM_KEEP_REPORT_FILES_DAYS", 1100, least=1)

# --- Mail ---------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.whole("EMAIL_PORT", 25, least=1, most=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = env.whole("EMAIL_TIMEOUT", 10, least=1)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "licences@localhost")
# Who gets the alerts for which no channel was chosen.
ITAM_ALERT_MAIL = env.text("ITAM_ALERT_MAIL")
# The daily message of those channels that ask for it goes out from this hour on.
ITAM_WATCHING_HOUR = env.whole("ITAM_WATCHING_HOUR", 7, most=23)
# Whoever waits there raises the alarm when we fall silent. The address is a secret.
ITAM_PING_URL = env.text("ITAM_PING_URL")
ITAM_PING_SECONDS = env.whole("ITAM_PING_SECONDS", 60, least=30, most=86400)
# How people reach the web pages, for links in messages.
ITAM_PUBLIC_URL = env.address("ITAM_PUBLIC_URL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured(
        "EMAIL_USE_TLS and EMAIL_USE_SSL are both true: expected one of them"
    )
# Without a mail server nothing is lost: messages are kept where the admin shows them.
EMAIL_FILE_PATH = ITAM_MAILBOX_DIR
if EMAIL_HOST:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
elif (BASE_DIR / "licenses" / "alerts" / "mailbox.py").exists():
    EMAIL_BACKEND = "licenses.alerts.mailbox.MailboxBackend"
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"

# --- Language and time --------------------------------------------------------------------------

# The language of what nobody reads in a browser: mails, alerts, reports. Pages follow their reader.
LANGUAGE_CODE = {"en": "en-gb", "de": "de"}[env.choice("ITAM_LANGUAGE", "en", ("en", "de"))]
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
LANGUAGE_COOKIE_NAME = f"{_COOKIE_PREFIX}language"
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_SECURE = ITAM_TLS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# Programs read what is below these in English, whatever they say that they accept.
ITAM_ENGLISH_PATHS = ("/api/", "/healthz", "/metrics")
FORMAT_MODULE_PATH = ["itam.formats"]
USE_TZ = True
# The zone in which people read; what is stored is UTC.
TIME_ZONE = env.zone("ITAM_TIME_ZONE")
ITAM_ZONE_COOKIE = "itam-zone"  # zone.js writes it; a __Host- name could not be set without TLS

# --- API ----------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",  # first: its challenge makes a stranger's answer 401
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "itam.parsers.ShallowJSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "licenses.api.pagination.CursorPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.text("ITAM_API_RATE_ANONYMOUS", "30/min"),
        "user": env.text("ITAM_API_RATE", "1200/min"),
        "waitlist": env.text("ITAM_WAITLIST_RATE", "30/hour"),
    },
    "DEFAULT_SCHEMA_CLASS": "licenses.api.schema.Schema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "NUM_PROXIES": 0,  # the address is REMOTE_ADDR, which ProxyMiddleware has set
}
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=env.whole("ITAM_TOKEN_DAYS", 90, least=1, most=3650)),
    "TOKEN_LIMIT_PER_USER": None,
    "AUTH_HEADER_PREFIX": "Token",
    "USER_SERIALIZER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Licence management",
    "DESCRIPTION": "Who holds which concurrent licence, what was refused, and what is allowed.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CaptureKindEnum": "licenses.api.choices.CaptureKind.choices",
        "ChannelKindEnum": "licenses.api.choices.ChannelKind.choices",
        "AlertRuleKindEnum": "licenses.api.choices.AlertRuleKind.choices",
        "ServerKindEnum": "licenses.api.choices.ServerKind.choices",
        "SeveralKindEnum": "licenses.api.choices.SeveralKind.choices",
        "WorkStateEnum": "licenses.api.choices.WorkState.choices",
        "ReportStateEnum": "reports.api.choices.ReportState.choices",
    }
    | {
        name: f"drf_standardized_errors.openapi_serializers.{name}.choices"
        for name in (
            *("ClientErrorEnum", "ServerErrorEnum"),
            *(f"ErrorCode{code}Enum" for code in (401, 403, 404, 405, 406, 415, 429, 500)),
        )
    },
    "POSTPROCESSING_HOOKS": [
        "drf_standardized_errors.openapi_hooks.postprocess_schema_enums",
        "licenses.api.made_examples.add_examples",
    ],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- Admin --------------------------------------------------------------------------------------

# Spreadsheets run what begins with =, +, - or @.
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

# --- Logs ---------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "itam.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.text("ITAM_LOG_LEVEL", "INFO").upper()},
    "loggers": {
        # Its own handlers would print a second line in another shape.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
LOGGING_CONFIG = "logging.config.dictConfig"
