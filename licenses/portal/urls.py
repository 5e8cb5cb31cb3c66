"""Addresses of the status page, below /status/."""

from django.urls import path

from licenses.admin.undoing import undo

from . import refusals, sign_in, views, waiting
from .guests import own_page

app_name = "portal"

urlpatterns = [
    path("", views.status, name="status"),
    path("pools/<int:pk>/", views.pool_page, name="pool"),
    path("pools/<int:pk>/wait/", waiting.join, name="join"),
    path("waiting/", waiting.mine, name="waiting"),
    path("waiting/<int:pk>/leave/", waiting.leave, name="leave"),
    path("undo/<int:pk>/", own_page(undo), name="undo"),
    path("refusals/", refusals.mine, name="refusals"),
    path("refusals/<int:pk>/", refusals.why, name="why"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("password/", own_page(sign_in.ChangePassword.as_view()), name="password"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
]
