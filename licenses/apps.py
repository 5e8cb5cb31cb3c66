from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy

from itam.names import translate


class LicensesConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "licenses"
    verbose_name = gettext_lazy("Licences")

    def ready(self) -> None:
        from licenses.evidence import changes
        from licenses.models import guards
        from licenses.models.roles import create_roles

        translate(self)
        translate(apps.get_app_config("knox"))  # it names nothing itself
        changes.listen()
        guards.around_migrations(self)
        post_migrate.connect(create_roles, dispatch_uid="licenses.create_roles")
