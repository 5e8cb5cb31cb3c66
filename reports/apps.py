from django.apps import AppConfig


class ReportsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "reports"
    verbose_name = "Reports"

    def ready(self) -> None:
        from licenses.overview import attention
        from reports.attention import to_sign

        attention.also("reports.sign_report", to_sign)
