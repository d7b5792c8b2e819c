"""The policies that a router's settings name."""

from api.router.scoring.policy import Policy
from schemas.errors import ConfigError
from schemas.settings import PolicySettings, RouterSettings


def policies(settings: RouterSettings) -> tuple[Policy, ...]:
    """Return the policy that chooses, and the one that is asked besides, where there is one.

    Raises:
        ConfigError: two have one name, or one that is wanted is not there.
    """
    names = [told.name for told in settings.policies]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two of the setting router.policies are called {name}")
    known = {told.name: Policy.of(told) for told in (PolicySettings(), *settings.policies)}
    wanted = [settings.policy, *([settings.shadow_policy] if settings.shadow_policy else [])]
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"no policy is called {name} (settings router.policy and router.shadow_policy); "
                f"there are {', '.join(sorted(known))}"
            )
    return tuple(known[name] for name in wanted)
