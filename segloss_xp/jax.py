"""What only JAX has."""

from functools import partial
from typing import Any

import jax

from segloss_xp._ops import Rule


# Compiled also where the caller does not: one operation at a time would be slow.
@partial(jax.jit, static_argnums=0)
@partial(jax.custom_jvp, nondiff_argnums=(0,))
def ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    """The function of a `Rule`, with the rule's own gradient."""
    return rule.forward(x, *constants)


@ruled.__wrapped__.defjvp
def _tangent(rule: Rule, primals: Any, tangents: Any) -> Any:
    # custom_vjp would refuse forward mode (jvp, hessian). The transpose of the hand-written
    # pullback is the tangent map; reverse mode transposes it back, at no cost.
    x, *constants = primals
    value = ruled(rule, x, *constants)
    (tangent,) = jax.linear_transpose(
        lambda cotangent: rule.pullback(cotangent, x, *constants), value
    )(tangents[0])
    return value, tangent
