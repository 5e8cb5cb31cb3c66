from django.contrib.admin.apps import AdminConfig


class SiteConfig(AdminConfig):
    """The admin, with a site of our own."""

    default_site = "itam.site.Site"
