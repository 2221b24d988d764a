import importlib.util

import pytest
from backends import Backend, chosen

if importlib.util.find_spec("jax"):
    import jax

    jax.config.update("jax_enable_x64", True)

if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    # A loaded machine is no error, and a run is to be had again.
    settings.register_profile("steady", deadline=None, derandomize=True)
    settings.load_profile("steady")

BACKENDS = chosen()


def pytest_configure(config):
    # PyTorch's compiler uses what PyTorch itself deprecates (2.13).
    config.addinivalue_line("filterwarnings", r"ignore::DeprecationWarning:torch\..*")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """NumPy alone has not the gradients that it borrows; beside PyTorch or JAX it has."""
    try:
        return (yield)
    except ModuleNotFoundError as missing:
        if "is borrowed from PyTorch or JAX" in str(missing):
            pytest.skip(str(missing))
        raise


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request) -> Backend:
    """Each library under test, in each way of running it."""
    return request.param


@pytest.fixture(params=[each for each in BACKENDS if each.eager], ids=lambda backend: backend.name)
def eager(request) -> Backend:
    """Each library under test, uncompiled."""
    return request.param


@pytest.fixture(
    params=[each for each in BACKENDS if each.eager and each.differentiates],
    ids=lambda backend: backend.name,
)
def differentiating(request) -> Backend:
    """Each library under test that knows gradients, uncompiled."""
    return request.param
