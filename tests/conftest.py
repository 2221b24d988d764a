import importlib.util

import pytest
from backends import Backend, chosen

if importlib.util.find_spec("jax"):
    import jax

    jax.config.update("jax_enable_x64", True)

BACKENDS = chosen()


def pytest_configure(config):
    # PyTorch's compiler uses what PyTorch itself deprecates (2.13).
    config.addinivalue_line("filterwarnings", r"ignore::DeprecationWarning:torch\..*")


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request) -> Backend:
    """Each library under test, in each way of running it."""
    return request.param


@pytest.fixture(params=[each for each in BACKENDS if each.eager], ids=lambda backend: backend.name)
def eager(request) -> Backend:
    """Each library under test, uncompiled."""
    return request.param


# Each library in the way that starts soonest: JAX compiles one program faster than its operations.
LIBRARIES = [
    each
    for each in BACKENDS
    if "compiled" not in each.name and Backend(f"{each.name}-jit") not in BACKENDS
]


@pytest.fixture(params=LIBRARIES, ids=lambda backend: backend.name)
def library(request) -> Backend:
    """Each library under test."""
    return request.param


@pytest.fixture(
    params=[each for each in LIBRARIES if each.differentiates], ids=lambda backend: backend.name
)
def differentiating(request) -> Backend:
    """Each library under test that knows gradients."""
    return request.param
