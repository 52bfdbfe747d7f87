"""Optimizers compute the same without importing torch's compiler."""

import subprocess
import sys

PROGRAM = """
import sys, torch
from gan_zoo.training.optimizers import without_compiler

if sys.argv[1] == "without":
    without_compiler()
torch.manual_seed(0)
for make in (
    lambda p: torch.optim.Adam(p, 1e-2, fused=True), lambda p: torch.optim.RMSprop(p, 1e-2),
    lambda p: torch.optim.SGD(p, 1e-2, momentum=0.5), lambda p: torch.optim.AdamW(p, 1e-2),
):
    layer = torch.nn.Linear(3, 2)
    optimizer = make(layer.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert torch.is_grad_enabled() and all(p.requires_grad for p in layer.parameters())
    print(layer.weight.tolist())
print("torch._dynamo" in sys.modules)
"""


def test_optimizers_do_the_same_without_importing_the_compiler():
    outputs = {
        way: subprocess.run(
            [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for way in ("with", "without")
    }
    assert outputs["with"].pop() == "True"
    assert outputs["without"].pop() == "False"
    assert outputs["with"] == outputs["without"]
    assert len(outputs["with"]) == 4
