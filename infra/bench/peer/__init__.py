"""Other routers, as their packages are published: installed apart, started, given our stand-in upstream."""
