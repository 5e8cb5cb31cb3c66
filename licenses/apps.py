from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LicensesConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "licenses"
    verbose_name = "Licences"

    def ready(self) -> None:
        from licenses.models.roles import create_roles

        post_migrate.connect(create_roles, dispatch_uid="licenses.create_roles")
