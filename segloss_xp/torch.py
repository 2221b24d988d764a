"""What only PyTorch has."""

from typing import Any

import torch

from segloss_xp._ops import Rule


class Ruled(torch.autograd.Function):
    """The function of a `Rule`, with the rule's own gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rule: Rule, x: Any, *constants: Any) -> Any:
        return rule.forward(x, *constants)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.rule, *arrays = inputs
        ctx.save_for_backward(*arrays)
        ctx.save_for_forward(*arrays)
        ctx.shape = output.shape

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        x, *constants = ctx.saved_tensors
        gradient = ctx.rule.pullback(*cotangents, x, *constants)
        return None, gradient, *(None for _ in constants)


class RuledEager(Ruled):
    """The same with forward mode, which dynamo refuses to trace (torch 2.13)."""

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Any, *__: None) -> Any:
        # The tangent map is the transpose of the pullback, which is linear in its cotangent.
        x, *constants = ctx.saved_tensors
        zero = tangent.new_zeros(ctx.shape)
        _, transpose = torch.func.vjp(lambda c: ctx.rule.pullback(c, x, *constants), zero)
        return transpose(tangent)[0]
