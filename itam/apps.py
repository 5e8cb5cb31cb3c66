from django.contrib.admin.apps import AdminConfig


class SiteConfig(AdminConfig):
    """The admin, with a site of our own."""

    default_site = "itam.site.Site"

    def ready(self) -> None:
        from itam import lists, remembered  # templates' tags need the applications to be there

        super().ready()
        lists.install()
        remembered.install()
