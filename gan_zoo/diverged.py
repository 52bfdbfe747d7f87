"""How a run ends whose numbers are no numbers any more."""


class Diverged(ArithmeticError):
    """A loss, gradient or weight is not finite: at which discriminator update, which quantity."""

    def __init__(self, step: int, quantity: str, value: float):
        super().__init__(f"{quantity} became {value} at discriminator update {step}")
        self.step, self.quantity, self.value = step, quantity, value
