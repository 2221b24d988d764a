import importlib.util

import pytest
from backends import Backend, chosen

if importlib.util.find_spec("jax"):
    import jax

    jax.config.update("jax_enable_x64", True)

BACKENDS = chosen()


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request) -> Backend:
    """Each library under test, in each way of running it."""
    return request.param
