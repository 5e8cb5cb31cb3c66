from rest_framework.routers import SimpleRouter

app_name = "api"

router = SimpleRouter()

urlpatterns = router.urls
