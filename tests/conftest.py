import importlib.util
import sys

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
    # What another process is just writing to the cache is compiled instead.
    config.addinivalue_line("filterwarnings", "ignore:Error reading persistent compilation cache")


def names_a_library(item) -> bool:
    """Whether a test asks for a library, or is in a file of one."""
    fixtures = {"backend", "eager", "differentiating", "jax", "lender"}
    given = fixtures & set(getattr(item, "fixturenames", ()))
    module = getattr(item, "module", None)  # which a doctest has not
    return bool(given) or any(hasattr(module, name) for name in ("torch", "jax"))


def pytest_collection_modifyitems(config, items):
    """
    What no test gives a library to is NumPy's: left out where NumPy is not to be tested.

    What is compiled comes first, lest one process compile for minutes when the others are done.
    """
    items.sort(key=lambda item: "-compiled" not in item.nodeid and "-jit" not in item.nodeid)
    if any(each.library == "numpy" for each in BACKENDS):
        return
    config.hook.pytest_deselected(items=[item for item in items if not names_a_library(item)])
    items[:] = [item for item in items if names_a_library(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """NumPy alone has not the gradients that it borrows; beside PyTorch or JAX it has."""
    try:
        return (yield)
    except ModuleNotFoundError as missing:
        if "is borrowed from PyTorch or JAX" in str(missing):
            pytest.skip(str(missing))
        raise


@pytest.fixture(autouse=True)
def seeded():
    """What PyTorch, once it is there, draws without a generator is to be had again."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(name="jax")
def jax_or_skip():
    """JAX, for what is about JAX alone."""
    return pytest.importorskip("jax")


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request, monkeypatch) -> Backend:
    """Each library under test, in each way of running it."""
    return prepared(request.param, monkeypatch)


@pytest.fixture(params=[each for each in BACKENDS if each.eager], ids=lambda backend: backend.name)
def eager(request, monkeypatch) -> Backend:
    """Each library under test, uncompiled."""
    return prepared(request.param, monkeypatch)


def prepared(backend: Backend, monkeypatch) -> Backend:
    """The backend; one that stands in for a device taken for that, and its arrays cut up."""
    if backend.name == "torch-device":
        monkeypatch.setattr("segloss_xp.torch.is_here", lambda x: False)
    if backend.name in ("torch-device", "strict"):
        monkeypatch.setattr("segloss_xp._pieces._LAUNCHED", 1 << 5)
        monkeypatch.setattr("segloss_xp._pieces._CACHED", 1 << 4)
    return backend


@pytest.fixture(
    params=[each for each in BACKENDS if each.eager and each.differentiates],
    ids=lambda backend: backend.name,
)
def differentiating(request, monkeypatch) -> Backend:
    """Each library under test that knows gradients, uncompiled."""
    return prepared(request.param, monkeypatch)
