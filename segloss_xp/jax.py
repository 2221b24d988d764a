"""What only JAX has."""

from functools import partial
from typing import Any

import jax

from segloss_xp._array import Rule


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    return rule.forward(x, *constants)


@_ruled.defjvp
def _(rule: Rule, primals: Any, tangents: Any) -> Any:
    # custom_vjp would refuse forward mode (jvp, hessian). The transpose of the hand-written
    # pullback is the tangent map; reverse mode transposes it back, at no cost.
    x, *constants = primals
    value = _ruled(rule, x, *constants)
    transpose = jax.linear_transpose(lambda t: rule.pullback(t, x, *constants), value)
    return value, transpose(tangents[0])[0]


# The function of a `Rule`, with the rule's own gradient. Compiled also where the caller does not:
# one operation at a time would be slow.
ruled = jax.jit(_ruled, static_argnums=0)
