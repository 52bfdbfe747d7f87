"""The contracts of a regularizer: the functions of ``CONTRACTS``."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from gan_zoo.config.preflight import check_role
from gan_zoo.testing.contracts import GlobalStreamWatch, check, require
from gan_zoo.testing.critics import Critic, Curved, Linear, Once, samples, take_step
from gan_zoo.types import Regularizer

UPDATES = 3  # steps after which a state has an effect
HUGE = 100.0  # weights that any constraint must change


def check_regularizer(regularizer: Regularizer, *, has_constants: bool = False) -> None:
    """Check every contract of ``gan_zoo.types.Regularizer``.

    A scalar in float32 at least, its facts, gradients in the critic's parameters, finite values
    where the critic is flat, randomness from the step's stream alone, no side effects, any shape of
    image, a constraint that is a projection, and a state that can be saved.

    Args:
        regularizer: it is not changed.
        has_constants: parts of the penalty that depend on the critic are constants on purpose, as
            moving averages are: its gradient is then not compared with finite differences.

    Raises:
        AssertionError: names the broken contract.
    """
    contracts = (c for c in CONTRACTS if not (has_constants and c is has_exact_gradients))
    check(type(regularizer).__name__, regularizer, contracts)


def has_every_part(regularizer: Regularizer) -> None:
    """Check that an instance has every part of ``gan_zoo.types.Regularizer``."""
    require(not isinstance(regularizer, type), "it must be an instance, got a class")
    check_role("regularizer", regularizer, Regularizer)


def gives_a_finite_scalar_in_single_precision_at_least(regularizer: Regularizer) -> None:
    """Check float64, float32 and bfloat16 scores; a zero may have the scores' own type."""
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        penalty = _penalty(regularizer, Critic(Curved()).to(dtype), *samples(dtype))
        require(
            penalty.shape == () and bool(penalty.isfinite()),
            f"the penalty of {dtype} samples must be a finite 0-dim tensor, got {penalty}",
        )
        require(
            penalty.dtype in (torch.float32, torch.float64) or not penalty.requires_grad,
            f"the penalty of {dtype} samples must be torch.float32 or more, got {penalty.dtype}",
        )


def needs_image_gradients_exactly_if_it_says_so(regularizer: Regularizer) -> None:
    """Check whether it works without a graph from the given scores to the images."""
    critic = Critic(Curved())
    step = take_step(critic, *samples())
    bare = step._replace(
        real_scores=step.real_scores.detach(), fake_scores=step.fake_scores.detach()
    )
    try:
        deepcopy(regularizer).penalty(critic, bare)
    except RuntimeError as error:
        require(
            regularizer.needs_image_gradients,
            "needs_image_gradients is false, but without a graph from the given scores to the"
            f" images it fails: {error}",
        )
        return
    require(
        not regularizer.needs_image_gradients,
        "needs_image_gradients is true, but it does not differentiate the given scores by the"
        " images: the trainer would build that graph in vain",
    )


def differentiates_twice_if_it_does(regularizer: Regularizer) -> None:
    """Check ``differentiates_twice`` with a critic that has no second derivative."""
    if regularizer.differentiates_twice:
        return
    critic = Critic(Once())
    penalty = _penalty(regularizer, critic, *samples())
    try:
        if penalty.requires_grad:
            penalty.backward()
    except RuntimeError as error:
        raise AssertionError(
            f"differentiates_twice is false, but it differentiates the critic twice: {error}"
        ) from error


def has_a_gradient_if_it_costs(regularizer: Regularizer) -> None:
    """Check that a penalty that is not zero has a gradient in the critic's parameters."""
    critic = Critic(Curved())
    penalty = _penalty(regularizer, critic, *samples())
    if penalty.item() == 0:
        return
    require(
        penalty.requires_grad,
        f"the penalty is {penalty.item():g}, but has no gradient in the critic's parameters: was it"
        " detached, or create_graph=True forgotten?",
    )
    penalty.backward()
    gradients = [p.grad for p in critic.adversarial_parameters() if p.grad is not None]
    require(
        any(bool(gradient.abs().sum() > 0) for gradient in gradients),
        f"the penalty is {penalty.item():g}, but its gradient in the critic's parameters is zero",
    )


def has_exact_gradients(regularizer: Regularizer) -> None:
    """Check gradients against finite differences; a fixed seed repeats the random draws."""
    score = Curved()
    critic = Critic(score)
    weights = [p.detach().clone().requires_grad_() for p in score.parameters()]
    for key in ("first", "second"):
        delattr(score, key)  # from a parameter to a plain tensor that gradcheck may move

    def penalty(first: Tensor, second: Tensor) -> Tensor:
        score.first, score.second = first, second  # type: ignore[assignment]
        return _penalty(regularizer, critic, *samples())

    if penalty(*weights).requires_grad:
        torch.autograd.gradcheck(penalty, weights)


def is_finite_where_the_critic_is_flat(regularizer: Regularizer) -> None:
    """Check values and gradients, such as those of the norm of a zero gradient."""
    for dtype in (torch.float32, torch.float64):
        critic = Critic(Linear([0.0, 0.0, 0.0])).to(dtype)
        penalty = _penalty(regularizer, critic, *samples(dtype))
        if penalty.requires_grad:
            penalty.backward()
        gradients = [p.grad for p in critic.adversarial_parameters() if p.grad is not None]
        require(
            all(bool(found.isfinite().all()) for found in (penalty, *gradients)),
            f"the penalty of a constant {dtype} critic and its gradient must be finite, got"
            f" {penalty.item():g} and {gradients}",
        )


def draws_from_the_stream_of_the_step_alone(regularizer: Regularizer) -> None:
    """Check that the same stream gives the same penalty, and the global one is not used."""
    critic = Critic(Curved())
    watch = GlobalStreamWatch()
    first, second = (_penalty(regularizer, critic, *samples()).item() for _ in range(2))
    require(watch.unchanged(), "it draws from torch's global random stream: use step.rng")
    require(first == second, f"the same step costs {first} and then {second}: use step.rng")


def has_no_side_effects(regularizer: Regularizer) -> None:
    """Check that ``penalty`` leaves neither gradients nor changed weights."""
    critic = Critic(Curved())
    before = deepcopy(critic.state_dict())
    step = take_step(critic, *samples())
    deepcopy(regularizer).penalty(critic, step)
    tensors = [*critic.parameters(), step.real.images, step.fake.images]
    require(
        all(tensor.grad is None for tensor in tensors),
        "it leaves gradients in the critic or the images: use torch.autograd.grad, not backward()",
    )
    require(_same(before, critic.state_dict()), "penalty() changes the critic's weights")


def takes_images_of_any_shape(regularizer: Regularizer) -> None:
    """Check (N, C, H, W) and (N, D): norms are over everything but the batch."""
    rng = torch.Generator().manual_seed(7)
    real, fake = torch.randn(2, 6, 1, 2, 3, generator=rng, dtype=torch.float64)
    critic = Critic(Linear([0.5, -1.0, 2.0, 0.1, 0.0, 3.0]))
    values = [
        _penalty(regularizer, critic, real.reshape(shape), fake.reshape(shape))
        for shape in ((6, 1, 2, 3), (6, 6))
    ]
    torch.testing.assert_close(values[0], values[1])


def constrains_weights_exactly_if_it_says_so(regularizer: Regularizer) -> None:
    """Check for a projection, which leaves the class head unchanged."""
    critic = Critic(Curved())
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.mul_(HUGE)
    before = deepcopy(critic.state_dict())
    constrained = deepcopy(regularizer)
    constrained.constrain(critic)
    once = deepcopy(critic.state_dict())
    require(
        _same(before, once) != regularizer.constrains_weights,
        f"constrains_weights is {regularizer.constrains_weights}, but constrain()"
        f" {'leaves' if _same(before, once) else 'changes'} weights of about {HUGE:g}",
    )
    heads = [{k: v for k, v in s.items() if k.startswith("class_head")} for s in (before, once)]
    require(
        _same(*heads), "constrain() must change adversarial_parameters() alone, not the class head"
    )
    constrained.constrain(critic)
    torch.testing.assert_close(
        critic.state_dict(), once, msg=lambda text: f"constrain() twice differs from once: {text}"
    )


def saves_its_state(regularizer: Regularizer) -> None:
    """Check that a copy after ``load_state_dict`` continues bit for bit, as a resumed run must."""
    critic = Critic(Curved())
    used = deepcopy(regularizer)
    for update in range(UPDATES):
        real, fake = (update + x for x in samples())
        used.penalty(critic, take_step(critic, real, fake))
    other: Any = deepcopy(regularizer)
    if hasattr(used, "state_dict"):
        state = used.state_dict()
        require(
            all(isinstance(value, float | int | Tensor) for value in state.values()),
            f"state_dict() must have numbers and tensors, got {state}",
        )
        other.load_state_dict(state)
    there, here = (r.penalty(critic, take_step(critic, *samples())).item() for r in (used, other))
    require(
        there == here,
        f"after {UPDATES} updates a step costs {there}, but {here} in a copy that has loaded"
        " state_dict(): a resumed run would differ",
    )


def _penalty(regularizer: Regularizer, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Return the penalty of a copy, so that its state does not reach the next one."""
    return deepcopy(regularizer).penalty(critic, take_step(critic, real, fake))


def _same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(torch.equal(value, second[key]) for key, value in first.items())


CONTRACTS = (
    has_every_part,
    gives_a_finite_scalar_in_single_precision_at_least,
    has_no_side_effects,
    draws_from_the_stream_of_the_step_alone,
    needs_image_gradients_exactly_if_it_says_so,
    differentiates_twice_if_it_does,
    has_a_gradient_if_it_costs,
    takes_images_of_any_shape,
    is_finite_where_the_critic_is_flat,
    constrains_weights_exactly_if_it_says_so,
    saves_its_state,
    has_exact_gradients,
)
