"""Everything that is checked: `nox` runs the tests, `nox -s demo` the main job."""

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = [
    "lint",
    "tests",
    "pythons",
    "agree",
    "surface",
    "distances",
    "bias",
    "lowest",
    "parallel",
    "peers",
]

GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
# Most modules of the large packages are never imported, nor need they be compiled.
INSTALL = ["--no-compile", "--constraint", ".ci/constraints.txt"]
TESTING = ["pytest-xdist", "hypothesis"]
LIBRARIES = {
    "numpy": [],
    "strict": ["array-api-strict"],
    "torch": ["torch"],
    "jax": ["jax"],
}
# What is tested where a library is installed: NumPy once, and once more to borrow gradients.
BACKENDS = {
    "numpy": "numpy",
    "strict": "strict",
    "torch": "numpy,torch,torch-compiled",
    "jax": "jax,jax-jit",
}
# What the libraries must agree on, wherever that is not the whole suite's to show.
NUMBERS = ["tests/test_values.py", "tests/test_errors.py", "tests/test_house.py"]
# The same for JAX, which compiles: all losses in three programs, and the gradients that it lends.
PROGRAMS = ["tests/test_values.py::test_together", "tests/test_gradient.py"]
# Most of the time of small programs, each run once, goes into their optimisation.
UNOPTIMISED = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
# What the volume bias and the measures are tested by, with all that they use.
BIAS = [
    *map(str, sorted(Path("tests").glob("test_bias*.py"))),
    *map(str, sorted(Path("tests").glob("test_calibration*.py"))),
    *(f"tests/test_{name}.py" for name in ("simulate", "metrics", "cli")),
    "segloss_xp/bias",
]
# The losses of peers need neither the weights nor the image transforms that these would pull in.
PEERS = ["monai", "kornia", "optax", "segmentation-models-pytorch"]
PEERS_NEED = ["kornia-rs", "huggingface-hub", "pillow", "tqdm", "torch", "jax", "chex", "absl-py"]
PEERS_NEED += ["scipy"]
MEASURES = ["medpy", "surface-distance"]


def install(session: nox.Session, *packages: str, extras: str = "") -> None:
    session.install(*INSTALL, "--editable", f".{extras}", *packages)


def pytest(session: nox.Session, *arguments: str, backends: str = "", **variables: str) -> None:
    """In as many processes as there are cores, each with one thread; what JAX compiles is kept."""
    command = ["python", "-m", "pytest", "--quiet", "--numprocesses=auto", "--dist=worksteal"]
    variables |= {
        "SEGLOSS_XP_BACKENDS": backends,
        "OMP_NUM_THREADS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(session.cache_dir.absolute() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    session.run(*command, *arguments, *session.posargs, env=variables)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    install(session, *GROUPS["lint"], "torch", "jax")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("basedpyright")


@nox.session
@nox.parametrize("library", list(LIBRARIES))
def tests(session: nox.Session, library: str) -> None:
    """The suite with one library alone: nothing else is needed, nothing else is imported."""
    install(session, *TESTING, *LIBRARIES[library])
    left_out = [f"--ignore={file}" for file in BIAS]
    marks = "not peers and not parallel"
    pytest(session, "-m", marks, *left_out, backends=BACKENDS[library], **UNOPTIMISED)


@nox.session(python=["3.12", "3.13"])
@nox.parametrize("library", ["numpy", "jax"])
def pythons(session: nox.Session, library: str) -> None:
    """The numbers on other Pythons, where there are any."""
    install(session, *TESTING, *LIBRARIES[library])
    if library == "jax":
        pytest(session, *PROGRAMS, backends="jax-jit", **UNOPTIMISED)
    else:
        pytest(session, *NUMBERS, backends=library)


@nox.session
def agree(session: nox.Session) -> None:
    """All libraries at once: Dask, errors where they are mixed, gradients borrowed, examples."""
    install(session, *GROUPS["test"], "torch", "jax", "dask[array]")
    pytest(session, "tests/test_values.py", "tests/test_errors.py", backends="dask,torch-device")
    # Not the large volumes, which are cut up there into pieces of a few voxels.
    corners = ["tests/test_corners.py", "-k", "not half_precision"]
    pytest(session, *corners, backends="torch-device")
    # The numbers of each library alone are held to the same truth by `tests`.
    mixed = ["tests/test_errors.py", "tests/test_house.py", "segloss_xp"]
    pytest(session, *PROGRAMS, *mixed, "--ignore=segloss_xp/bias", backends="numpy,jax-jit")


@nox.session
def surface(session: nox.Session) -> None:
    """CuPy without a GPU: every function that is called exists, with its arguments."""
    install(session, *TESTING, "array-api-strict", "cupy-cuda13x")
    pytest(session, "tests/test_house.py")


@nox.session
def distances(session: nox.Session) -> None:
    """What SciPy and Numba do where they are installed, and all libraries beside them."""
    install(session, *GROUPS["test"], "torch", "jax", "dask[array]", extras="[distance]")
    files = ["distance", "distance_torch", "distance_jax", "distance_gpu", "lovasz"]
    backends = "numpy,strict,dask,torch,jax-jit"
    pytest(session, *(f"tests/test_{file}.py" for file in files), backends=backends)


@nox.session
def bias(session: nox.Session) -> None:
    """Theory and repair of the volume bias, measures, and the command line, with all they use."""
    install(session, *TESTING, "tabulate", "torch", "jax", extras="[bias,demo]")
    pytest(session, *BIAS, backends="numpy,torch,jax")


@nox.session(python="3.11")
@nox.parametrize("library", ["numpy", "jax"])
def lowest(session: nox.Session, library: str) -> None:
    """The oldest versions that pyproject.toml allows, of NumPy and JAX."""
    oldest = ["numpy==2.0.0", "array-api-compat==1.15"]
    oldest += ["jax==0.6.0"] if library == "jax" else []
    session.install("--no-compile", "--editable", ".", *oldest, *TESTING)
    if library == "jax":
        pytest(session, *PROGRAMS, backends="jax,jax-jit")
    else:
        pytest(session, *NUMBERS, backends=library)


@nox.session
def parallel(session: nox.Session) -> None:
    """Sums over devices: eight of JAX, two processes of PyTorch."""
    install(session, *TESTING, "torch", "jax")
    pytest(session, "-m", "parallel", "tests/test_parallel.py")


@nox.session
def peers(session: nox.Session) -> None:
    """Parity with other libraries at equal settings, and where they are wrong."""
    install(session, *TESTING, *PEERS_NEED)
    session.install(*INSTALL, "--no-deps", *PEERS, *MEASURES)
    pytest(session, "-m", "peers", "tests/peers")


@nox.session
def demo(session: nox.Session) -> None:
    """Train on a real brain and compare all losses on all libraries."""
    install(session, extras="[demo,torch,jax]")
    session.run("python", "-m", "segloss_xp", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time and memory beside other libraries, on one processor and on two; prints a table."""
    install(session, *GROUPS["bench"], *PEERS_NEED, "edt", extras="[distance]")
    session.install(*INSTALL, "--no-deps", *PEERS, "nnunetv2")
    for script in ("losses", "forms", "distance", "overhead", "precision", "scaling", "traffic"):
        both = script in ("losses", "forms", "distance")
        for threads in ("1", "2") if both else ("1",):
            path = f"benchmarks/{script}.py"
            session.run("python", path, "--threads", threads, *session.posargs)
    if not session.posargs:
        session.run("python", "benchmarks/report.py")
