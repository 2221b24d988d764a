"""The losses under the transforms of PyTorch: the same numbers as in plain loops."""

import copy
import pickle
from contextlib import nullcontext
from functools import partial

import pytest
from cases import CASES
from problems import problem, reductions

import segloss_xp as sx

torch = pytest.importorskip("torch")
from torch._dynamo.testing import CompileCounterWithBackend  # noqa: E402
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap  # noqa: E402

each = pytest.mark.parametrize("case", CASES, ids=str)
# Where a case costs a second: the last of each loss, which is least like its default.
each_loss = pytest.mark.parametrize("case", {type(c.loss): c for c in CASES}.values(), ids=str)
# Where it costs several: labels, soft targets and channels; a loss of voxels and of regions.
few = pytest.mark.parametrize("case", CASES[:9:4], ids=str)
close = partial(torch.testing.assert_close, rtol=1e-10, atol=1e-13)


def tensors(case, *, space=(3, 2), **keywords):
    """Logits that ask for a gradient, target, and the loss of both."""
    logits, target, call = problem(case.target, space=space, **keywords)
    return torch.tensor(logits).requires_grad_(), torch.tensor(target), partial(case.loss, **call)


def stacked(case, count):
    batches = [tensors(case, seed=seed) for seed in range(count)]
    prediction, target, losses = zip(*batches, strict=True)
    return torch.stack(prediction).detach(), torch.stack(target), losses[0]


def gradient(value, x):
    return torch.autograd.grad(value, x)[0]


@each
@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0)], ids=str)
def test_vmap(case, in_dims):
    x, t, loss = stacked(case, 3)
    x, t = (a if d == 0 else a[0] for a, d in zip((x, t), in_dims, strict=True))
    pairs = [
        (x if in_dims[0] is None else x[i], t if in_dims[1] is None else t[i]) for i in range(3)
    ]
    for function in (loss, grad(loss), partial(loss, reduction="sample")):
        close(vmap(function, in_dims)(x, t), torch.stack([function(*pair) for pair in pairs]))


@pytest.mark.parametrize(
    ("case", "device"),
    [(CASES[0], False), *((case, True) for case in CASES if case.target == "labels")],
    ids=str,
)
@pytest.mark.parametrize("what", ["mask", "voxel_weights"])
def test_vmap_over_weights_alone(case, device, what, monkeypatch):
    """Nothing is written over, nor known, that is mapped by another argument."""
    x, t, loss = tensors(case)
    x, space = x.detach(), x.shape[:1] + x.shape[2:]
    weights = torch.rand(2, *space, dtype=x.dtype)
    weights = weights > 0.3 if what == "mask" else weights
    if device:
        monkeypatch.setattr("segloss_xp.torch.is_here", lambda x: False)
    for transform in (lambda f: f, grad):

        def run(w, transform=transform):
            return transform(loss)(x, t, **{what: w})

        close(vmap(run)(weights), torch.stack([run(w) for w in weights]))


@pytest.mark.parametrize("case", [case for case in CASES if case.target == "labels"], ids=str)
def test_labels_of_no_class(case):
    """They are masked, though a transformation hides them, and a gradient comes after it."""
    x, t, loss = stacked(case, 3)
    out = torch.rand(t.shape) < 0.3
    want = torch.stack([grad(loss)(a, b, mask=~c) for a, b, c in zip(x, t, out, strict=True)])
    marked = torch.where(out, 255, t)
    close(vmap(grad(loss))(x, marked), want)
    close(gradient(vmap(loss)(x.requires_grad_(), marked).sum(), x), want)


@few
@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize("way", ["batched", "compiled"])
def test_backward_of_another_kind(case, way):
    """What was kept for one gradient is of no use to several at once, nor to a compiler."""
    x, t, loss = tensors(case)
    value = loss(x, t, reduction="sample")
    each = (loss(x, t, reduction="sample")[n] for n in range(len(x)))
    want = torch.stack([gradient(one, x) for one in each])
    if way == "batched":
        eye = torch.eye(len(value), dtype=value.dtype)
        close(torch.autograd.grad(value, x, eye, is_grads_batched=True)[0], want)
    else:
        with torch._dynamo.config.patch(compiled_autograd=True):
            torch.compile(lambda: value.sum().backward(), backend="eager")()
        close(x.grad, want.sum(0))


@each
def test_small_on_a_device(case, monkeypatch):
    """Where labels are not looked at, and all that was looked at is kept, as it is here."""
    x, t, loss = tensors(case)
    expected = loss(x, t)
    monkeypatch.setattr("segloss_xp.torch.is_here", lambda x: False)
    value = loss(x, t)
    close(value, expected)
    close(gradient(value, x), gradient(expected, x))


@few
def test_saved_copies(case):
    """Hooks may save copies, for what is changed after forward; the gradient is then by these."""
    x, t, loss = tensors(case)
    expected = gradient(loss(x, t), x)
    x, t = x.detach().clone().requires_grad_(), t.clone()
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda saved: saved):
        value = loss(x, t)
    with torch.no_grad():
        x.zero_()
        t.zero_()
    close(gradient(value, x), expected)


@each
def test_jacobians(case):
    x, t, loss = tensors(case)

    def per_sample(x):
        return loss(x, t, reduction="sample")

    rows = torch.stack([gradient(per_sample(x)[n], x) for n in range(len(x))])
    leaf = x.detach()
    close(jacrev(per_sample)(leaf), rows)
    close(jacfwd(per_sample)(leaf), rows)
    close(torch.autograd.functional.jacobian(per_sample, x, vectorize=True), rows)
    tangent = torch.randn_like(leaf)
    value, slope = jvp(per_sample, (leaf,), (tangent,))
    close(value, per_sample(leaf))
    close(slope, (rows * tangent).sum(dim=(1, 2, 3, 4)))


@each
def test_hessian(case):
    x, t, loss = tensors(case, space=(2,))
    (first,) = torch.autograd.grad(loss(x, t), x, create_graph=True)
    first = first + 0 * x  # the slopes of a hinge do not depend on it
    rows = [torch.autograd.grad(each, x, retain_graph=True)[0] for each in first.flatten()]
    close(hessian(lambda x: loss(x, t))(x.detach()).flatten(0, 2), torch.stack(rows))


@each
def test_gradcheck(case):
    x, t, loss = tensors(case, space=(2,))
    run = partial(loss, target=t)
    modes = {"check_batched_grad": True, "check_batched_forward_grad": True}
    torch.autograd.gradcheck(run, x, check_forward_ad=True, **modes)
    torch.autograd.gradgradcheck(run, x, check_fwd_over_rev=True, fast_mode=True)


@few
@pytest.mark.parametrize("reduction", ["sample", "none"])
def test_gradcheck_unreduced(case, reduction):
    x, t, loss = tensors(case, space=(2,))
    run = partial(loss, target=t, reduction=reduction)
    torch.autograd.gradcheck(run, x, check_forward_ad=True, fast_mode=True)
    torch.autograd.gradgradcheck(run, x, fast_mode=True)


def compiled(function, backend="aot_eager", **options):
    torch.compiler.reset()
    return torch.compile(function, fullgraph=True, backend=backend, **options)


@each_loss
def test_compile(case):
    """The loss object itself, in one graph and, warnings being errors here, without a warning."""
    x, t, loss = tensors(case)
    run = compiled(case.loss)
    value, expected = run(x, t, **loss.keywords), loss(x, t)
    close(value, expected)
    close(gradient(value, x), gradient(expected, x))


@few
def test_inductor(case):
    x, t, loss = tensors(case)
    value, expected = compiled(loss, backend="inductor")(x, t), loss(x, t)
    close(value, expected)
    close(gradient(value, x), gradient(expected, x))


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "vmap"])
def test_inductor_of_many_classes(mapped):
    """Beyond 16, where its loops go over the classes; labels are strided, and some of no class."""
    loss = sx.DiceCELoss()
    x, t, _ = tensors(CASES[0], classes=20, samples=6, space=(7, 9))
    x = x.detach().unflatten(0, (3, 2))
    t = t.unflatten(0, (3, 2)).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    t[:, :, 0, :2] = torch.tensor([-1, 255])
    one = grad(loss)
    expected = torch.stack([one(*pair) for pair in zip(x, t, strict=True)])
    if mapped:
        close(compiled(vmap(one), "inductor")(x, t), expected)
    else:
        close(compiled(one, "inductor")(x[0], t[0]), expected[0])


@pytest.mark.parametrize("mode", [nullcontext, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("leaf", [True, False], ids=["leaf", "constant"])
def test_compile_without_gradient(mode, leaf):
    x, t, loss = tensors(CASES[0])
    x = x if leaf else x.detach()
    with mode():
        close(compiled(loss)(x, t), loss(x, t))


@few
def test_compile_of_transforms(case):
    x, t, loss = stacked(case, 3)
    for function in (vmap(loss), vmap(grad(loss))):
        close(compiled(function)(x, t), function(x, t))


@few
def test_dynamic_shapes(case):
    counter = CompileCounterWithBackend("aot_eager")
    run = None
    for samples, space in [(2, (4, 5)), (3, (6, 5)), (4, (5, 5)), (2, (7, 9)), (5, (3, 8))]:
        x, t, loss = tensors(case, samples=samples, space=space)
        run = run or compiled(loss, counter, dynamic=True)
        value, expected = run(x, t), loss(x, t)
        close(value, expected)
        close(gradient(value, x), gradient(expected, x))
    assert counter.frame_count <= 2


def test_dynamic_compile():
    """The loss object itself, of whose numbers dynamo makes symbols too."""
    x, t, _ = tensors(CASES[0])
    loss = sx.DiceCELoss()
    value, expected = compiled(loss, dynamic=True)(x, t), loss(x, t)
    close(value, expected)
    close(gradient(value, x), gradient(expected, x))


def test_compiled_digits_of_what_is_nearly_certain():
    """The compiler's own `expm1` is a difference, which has none."""
    generator = torch.Generator().manual_seed(0)
    x = (6 * torch.randn(2, 2, 400, generator=generator)).requires_grad_()
    t = torch.randint(0, 2, (2, 400), generator=generator)
    loss = sx.ExponentialLogarithmicLoss()
    exact = x.detach().double().requires_grad_()
    expected = gradient(loss(exact, t), exact)
    difference = gradient(compiled(loss, "inductor")(x, t), x) - expected
    assert difference.abs().max() < 1e-6 * expected.abs().max()


class Criterion(torch.nn.Module):
    """A module that holds a loss."""

    def __init__(self, loss, keywords):
        super().__init__()
        self.loss, self.keywords = loss, keywords

    def forward(self, x, t):
        return self.loss(x, t, **self.keywords)


@few
def test_export(case):
    x, t, loss = tensors(case)
    batch, height, width = (torch.export.Dim(name, min=2) for name in ("batch", "height", "width"))
    shapes = {"x": {0: batch, 2: height, 3: width}, "t": {0: batch, t.ndim - 2: height}}
    shapes["t"][t.ndim - 1] = width
    program = torch.export.export(
        Criterion(case.loss, loss.keywords), (x.detach(), t), dynamic_shapes=shapes
    )
    x, t, loss = tensors(case, samples=3, space=(5, 4))
    close(program.module()(x, t), loss(x, t))


class Scaled(Criterion):
    """A loss after something that is trained."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.scale = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

    def forward(self, x, t):
        return super().forward(self.scale * x, t)


@pytest.mark.parametrize("strict", [True, False])
def test_export_of_what_is_trained(strict):
    x, t, loss = tensors(CASES[0])
    module = Scaled(loss.func, loss.keywords)
    program = torch.export.export(module, (x.detach(), t), strict=strict).module()
    value, expected = program(x.detach(), t), module(x.detach(), t)
    close(value, expected)
    if not strict:  # the other has no gradient of an autograd function (torch 2.13)
        close(gradient(value, program.scale), gradient(expected, module.scale))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_jit_trace():
    """What holds for the data of the trace need not hold for others."""

    def loss(p, t):
        return sx.FocalTverskyLoss(smooth=0.0)(p, t, from_logits=False)

    x, t, _ = tensors(CASES[0])
    p = torch.softmax(x.detach(), 1)
    traced = torch.jit.trace(loss, (p, t), check_trace=False)
    found = torch.nn.functional.one_hot(t, p.shape[1]).movedim(-1, 1).to(p.dtype).requires_grad_()
    close(gradient(traced(found, t), found), gradient(loss(found, t), found))


def exported(function, x, t):
    shapes = {"x": {2: torch.export.Dim("voxels")}, "t": {1: torch.export.Dim("voxels")}}
    program = torch.export.export(Criterion(function, {}), (x, t), dynamic_shapes=shapes)
    assert "segloss_xp" not in program.graph_module.code  # it runs without this library
    return program.module()


SORTING = {
    "compiled": lambda f, *_: torch.compile(f, fullgraph=True),
    "exported": exported,
    "mapped": lambda f, *_: lambda x, t: vmap(f)(x[:, None], t[:, None]).mean(),
    "traced": lambda f, *arrays: torch.jit.trace(f.__call__, arrays),
}


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("how", SORTING)
def test_sorts(how):
    """Of 32 bits and with class-last memory, in whatever program; what 64 bits give is true."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 99, 20, generator=random).movedim(-1, 1)
    t = torch.randint(0, 20, (2, 99), generator=random)
    for loss in (sx.LovaszSoftmaxLoss(), sx.LovaszSoftmaxLoss(batch=True)):
        if loss.batch and how == "mapped":
            continue
        close(SORTING[how](loss, x, t)(x, t), loss(x.double(), t).float(), rtol=2e-6)


def test_sort_is_an_operator():
    from segloss_xp.torch import by_radix

    torch.library.opcheck(by_radix, (torch.rand(40, 7).T,))


def test_module():
    """A module holds, copies, pickles and compiles a loss as any other attribute."""
    x, t, _ = tensors(CASES[0])
    module = Criterion(sx.DiceLoss() + 0.5 * sx.CrossEntropyLoss(), {})
    expected = module.loss(x, t)
    for each in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert each.loss == module.loss
        assert not each.state_dict()
        close(each(x, t), expected)
    close(compiled(module)(x, t), expected)


@each
def test_copies(case):
    for each in (copy.copy(case.loss), copy.deepcopy(case.loss)):
        assert each == case.loss
    loss = pickle.loads(pickle.dumps(case.loss))
    assert loss == case.loss
    assert hash(loss) == hash(case.loss)


@each
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint(case, reentrant):
    x, t, loss = tensors(case)
    value = torch.utils.checkpoint.checkpoint(loss, x, t, use_reentrant=reentrant)
    value.backward()
    close(x.grad, gradient(loss(x, t), x))


@each
def test_meta(case):
    """No value is looked at where there is none."""
    x, t, loss = tensors(case)
    weights = torch.rand(t.shape[0], *x.shape[2:])
    for reduction in reductions(case.loss):
        run = partial(loss, reduction=reduction)
        expected = run(x, t, voxel_weights=weights)
        value = run(x.to("meta"), t.to("meta"), voxel_weights=weights.to("meta"))
        assert value.device.type == "meta"
        assert (value.shape, value.dtype) == (expected.shape, expected.dtype)


@each
def test_autocast(case):
    x, t, loss = tensors(case)
    x = x.detach().float().requires_grad_()
    expected = loss(x, t)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(x, t)
        half = loss(x.bfloat16(), t)
    assert (value.dtype, half.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(value, expected, rtol=0, atol=0)
    torch.testing.assert_close(gradient(value, x), gradient(expected, x), rtol=0, atol=0)
    torch.testing.assert_close(half, loss(x.bfloat16().float(), t), rtol=1e-6, atol=0)


class Image(torch.Tensor):
    """A subclass such as a MetaTensor."""


@each
@pytest.mark.parametrize(
    "wrap",
    [
        torch.nn.Parameter,
        lambda x: x.as_subclass(Image),
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: x.flip(0, 2, 3).flip(0, 2, 3),
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    ],
    ids=["parameter", "subclass", "channels_last", "flipped", "transposed"],
)
def test_kinds_of_tensor(case, wrap):
    x, t, loss = tensors(case)
    expected = loss(x, t)
    other = wrap(x.detach()).detach().requires_grad_()
    value = loss(other, t)
    close(value.as_subclass(torch.Tensor), expected)
    close(gradient(value, other).as_subclass(torch.Tensor), gradient(expected, x))


@each
def test_backward_twice(case):
    x, t, loss = tensors(case)
    value = loss(x, t)
    value.backward(retain_graph=True)
    once = x.grad.clone()
    value.backward()
    torch.testing.assert_close(x.grad, 2 * once, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()


def test_per_sample_gradients():
    """What differential privacy does: one gradient of the parameters for each sample."""
    x, t, loss = tensors(CASES[0])
    weight = torch.tensor([0.5, 1, 2], dtype=x.dtype)[:, None, None].requires_grad_()

    def run(weight, x, t):
        return loss(weight * x[None], t[None])

    together = vmap(grad(run), (None, 0, 0))(weight.detach(), x.detach(), t)
    close(together, torch.stack([gradient(run(weight, x[n], t[n]), weight) for n in range(len(x))]))
