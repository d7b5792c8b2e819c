"""Where the API is, and what its refusals mean, in the words of a command."""

import httpx

from schemas.errors import ConfigError, PenstockError, RefusedError, UnavailableError
from schemas.settings import ApiSettings

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


def address(settings: ApiSettings) -> str:
    """Return the URL by which this machine reaches its own API."""
    host = _ANYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"


def headers(settings: ApiSettings) -> dict[str, str]:
    """Return what says who asks."""
    key = settings.key.get_secret_value()
    return {"Authorization": f"Bearer {key}"} if key else {}


def away(url: str, exc: Exception) -> UnavailableError:
    """Return the error of an API that does not answer."""
    return UnavailableError(
        f"the API at {url} does not answer ({str(exc) or type(exc).__name__}): start everything "
        "with `penstock up`, or the API alone with `penstock api`; the address is in the settings "
        "api.host and api.port"
    )


def refusal(url: str, answer: httpx.Response) -> PenstockError:
    """Return the error that an answer, read in full, is."""
    try:
        problem = answer.json()
        detail, hint = str(problem["detail"]), problem.get("hint", "")
    except (ValueError, KeyError, TypeError):
        return UnavailableError(f"{url} answers {answer.status_code} and is not Penstock's API")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return ConfigError(
            f"the API at {url} needs a key: make one with `penstock keys create NAME` where it "
            "runs, and set PENSTOCK_API__KEY"
        )
    name = f"{problem['name']} ({problem['code']}): " if problem.get("name") else ""
    text = f"{name}{detail}" + (f"\n  {hint}" if hint else "")
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return UnavailableError(text)
    return RefusedError(text)
